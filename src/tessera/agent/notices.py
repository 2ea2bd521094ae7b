"""Notices: what a cashier or the help desk should know while the sale goes on.

Owns: every notice code with its words and its hint (docs/api.md lists them). Must never: stop
anything; a notice is told beside an answer, a problem (`problems_http`) instead of one.
"""

from collections.abc import Iterable

from tessera.agent import enrolment_words, guard_words
from tessera.agent.api_answers import Notice
from tessera.agent.notice_words import WORDS

NOTICES: dict[str, tuple[str, str]] = {
    "benefits_stopped": (
        "the disk is almost full: no discounts and points for now, sales go on",
        "make room on the disk; tessera doctor shows how much is left",
    ),
    "bad_check_digit": ("the code was misread: its check digit is wrong", "scan it again"),
    "bad_length": ("the code was cut short", "scan it again"),
    "bundle_rejected": (
        "a new programme could not be read; the last good one goes on",
        "tessera programme check tells what is wrong with it",
    ),
    "card_unknown": (
        "this card is not known on this register",
        "check the number; a card that was issued today may still be on its way",
    ),
    "card_unreadable": ("this is no card or phone number", "scan it again, or type it"),
    "claim_pending": (
        "the claim is recorded; central has the sale and works its points out",
        "nothing is to be done; the balance shows them once central has answered",
    ),
    "clock_doubt": (
        "the clocks of register, POS and central differ by more than a day",
        "set the register's clock; date-bound offers may be wrong until then",
    ),
    "code_refused": ("the code could not be read", "scan it again, or type it"),
    "codes_dropped": (
        "scanned codes were dropped: the POS did not fetch them in time",
        "scan again; the POS must poll POST /hw_proxy/scanner while it sells",
    ),
    "coupon_refused": (
        "a coupon does not hold: it was used, its days are over, or it is none of this shop",
        "the other offers are given; explain it, or take the coupon off the basket",
    ),
    "database_failing": (
        "the register's database cannot be read: no member and no points for now",
        "tessera doctor checks the database",
    ),
    "instant_win": (
        "the customer has won a prize; the receipt names it",
        "hand it out, or say where it waits",
    ),
    "key_reused": (
        "this sale id was used for another sale: recorded, points wait for central",
        "let the POS number its sales uniquely within a business day",
    ),
    "member_blocked": ("this member is blocked", "ask at the service desk"),
    "no_programme": (
        "no programme has arrived on this register yet",
        "publish one at central; tessera agent status shows when it has come",
    ),
    "no_receipt": (
        "without a receipt the goods are worth the lowest that anybody pays for them now",
        "with the receipt the customer gets back what was paid",
    ),
    "not_enrolled": (
        "this register is not enrolled: it knows no members and records no sales",
        "tessera agent enrol --help",
    ),
    "payment_card": ("this is a payment card: it was not read", "ask for the member card"),
    "points_held": (
        "central was put back from a backup and sets no more points aside for this store yet",
        "switch on the other registers of the store; whoever looks after central sees which",
    ),
    "quote_late": ("pricing took too long: this answer is without benefits", "ask again"),
    "redemption_reduced": (
        "fewer units are spent than wished",
        "this register may spend what central has set aside for it",
    ),
    "redemption_unbacked": (
        "units that were given as paid could not be spent any more",
        "central is told; nothing is to be done at the till",
    ),
    "register_refused": (
        "central refuses this register: sales are kept here and not sent",
        "ask central for a new code, then: tessera agent enrol --again --code …",
    ),
    "rules_failed": (
        "the rules failed on this basket: this answer is without benefits",
        "send the log of this moment to whoever maintains the register",
    ),
    "total_mismatch": (
        "the total taken is not the total quoted: recorded as it happened",
        "let the POS take the quote's due_minor",
    ),
    "training": ("training: nothing is recorded", ""),
    "trust_ending": (
        "this register's certificate or central's root ends soon and was not renewed",
        "tell whoever looks after central: tessera central status names it",
    ),
    **enrolment_words.ENGLISH,
    **guard_words.ENGLISH,
}


def notice(code: str) -> Notice:
    """The notice of this code."""
    text, hint = NOTICES.get(code, NOTICES["code_refused"])
    return Notice(code=code, text=text, hint=hint)


def worded(notices: Iterable[Notice], language: str) -> tuple[Notice, ...]:
    """The notices in a language, each code once."""
    words = WORDS.get(language, {})
    told = {}
    for said in notices:
        text, hint = words.get(said.code, (said.text, said.hint))
        told[said.code] = Notice(code=said.code, text=text, hint=hint)
    return tuple(told.values())
