"""Whether offers may meet is asked of few pairs, and answered as if all had been asked."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tessera.rules.prepared import prepared_of
from tessera.rules.programme import parse_programme
from tessera.rules.stacking import all_may_share, none_may_share

STACKS = ("", ", stacks: yes", ", stacks: [o0]", ", stacks: [o1, two]", ", undiscounted_only: yes")
GROUPS = ("", ", in: one", ", in: two", ", in: three")


@given(
    st.lists(st.tuples(st.sampled_from(GROUPS), st.sampled_from(STACKS)), min_size=2, max_size=9),
    st.sampled_from(("best", "all")),
    st.sampled_from(("best", "all")),
)
def test_few_pairs_answer_for_all(manners: list[tuple[str, str]], first: str, second: str) -> None:
    rows = "".join(
        f"  o{place}: {{give: {place + 5} % off{group}{stacks}}}\n"
        for place, (group, stacks) in enumerate(manners)
    )
    text = (
        f"programme: pairs\ncurrency: EUR\ngroups: {{one: {first}, two: {second}, "
        f"three: {{kind: best, in: one}}}}\noffers:\n{rows}"
    )
    programme, problems = parse_programme(text, file="pairs.yaml")
    assert programme is not None, problems
    work, offers = prepared_of(programme).rules, programme.offers
    pairs = [work.may_share(one, two) for one, two in combinations(offers, 2)]
    assert none_may_share(work, offers) == (not any(pairs))
    assert all_may_share(work, offers) == all(pairs)
