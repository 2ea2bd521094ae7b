# A page that tells what its script made of it.
GREETING = "data:text/html,<p id=who></p><script>who.textContent = 'silver'</script>"


def test_the_browser_runs_the_script_of_a_page(page: object) -> None:
    from playwright.sync_api import Page

    assert isinstance(page, Page)
    page.goto(GREETING)
    assert page.locator("#who").inner_text() == "silver"
