"""Writes the golden messages of one release: all that till and central say to each other, as bytes.

Run once for each release, as a test demands: `python -m tests.golden.make_messages NAME`. Every
message has every field filled, so that whoever reads it later meets all of them; beside it stand
the fields without which it did not read. A file that is here is never written again; what it lacks
goes into another one of the same release: `… NAME MESSAGE …`.
"""

import base64
import gzip
import hashlib
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from tessera.core.journal import SealedRecord, genesis
from tessera.sync import feed_wire, grant_wire, image_wire, profile_wire, wire
from tessera.sync.batching import head_headers, head_of, payload_of
from tessera.sync.feed_reading import bytes_to_sign
from tessera.sync.records import encoded, read_envelope
from tessera.sync.signing import (
    PURPOSE_ASSIGNMENT,
    PURPOSE_CERTIFICATE,
    PURPOSE_IMAGE,
    PURPOSE_LEASE,
    PURPOSE_RENEWAL,
    PURPOSE_ROOT,
    PURPOSE_SEGMENT,
    PURPOSE_STATEMENT,
    SigningKey,
    renewal_bytes,
    sign_request,
)
from tessera.sync.trust import PURPOSES

FOLDER = Path(__file__).parent
REGISTER, NEXT, ONLINE, ROOT = (SigningKey(bytes([n]) * 32) for n in (0x11, 0x12, 0x22, 0x33))
LIFE, NONCE, CODE = "00000000000000a1", bytes(range(16)), "AAAA-BBBB-CCCC"
STORE, TILL, GENERATION, NOW_MS = "shop", "till-1", "g-golden", 1_795_000_000_000
AUDIENCE = f"store:{STORE}"


def batch() -> tuple[dict[str, str], bytes, wire.BatchHead]:
    """The golden journal as one batch, with the two headers of its head."""
    lines = (FOLDER / "journal-0.1.0.jsonl").read_text().splitlines()
    records = []
    for line in map(json.loads, lines):
        raw = line["raw"].encode()
        about = read_envelope(raw)
        records.append(
            SealedRecord(
                uid=about.uid,
                kind=about.kind,
                incarnation=about.incarnation,
                seq=about.seq,
                raw=raw,
                content_hash=hashlib.sha256(raw).digest(),
                link_hash=bytes.fromhex(line["link"]),
            )
        )
    payload = payload_of(records)
    head = head_of(
        records,
        payload,
        register=TILL,
        previous_link=genesis(TILL, LIFE).link_hash,
        generation=GENERATION,
        parent=None,
    )
    return head_headers(head, REGISTER), gzip.compress(payload, 6, mtime=0), head


def request(method: str, target: str, content: bytes, number: int) -> str:
    """The header of a signed request; `number` makes its nonce."""
    return sign_request(
        REGISTER,
        method=method,
        target=target,
        content=content,
        register=TILL,
        incarnation=LIFE,
        wall_ms=NOW_MS,
        nonce=bytes([number]) * 16,
    ).header()


def root() -> wire.SignedRoot:
    document = encoded(
        wire.Root(
            version=1,
            expires_ms=2 * NOW_MS,
            root_keys=(ROOT.public.hex(),),
            root_threshold=1,
            roles=dict.fromkeys(PURPOSES, (ONLINE.public.hex(),)),
        )
    )
    signature = wire.KeySignature(
        key=ROOT.public.hex(), signature=ROOT.sign(PURPOSE_ROOT, document).hex()
    )
    return wire.SignedRoot(document=document.decode(), signatures=(signature,))


def lease() -> feed_wire.LeaseRow:
    row = feed_wire.LeaseRow(
        lease_id="l-1",
        member_id="m-1",
        unit="points",
        amount=3,
        register=TILL,
        incarnation=LIFE,
        generation=GENERATION,
    )
    return msgspec.structs.replace(
        row, signature=ONLINE.sign(PURPOSE_LEASE, bytes_to_sign(row)).hex()
    )


def rows() -> tuple[feed_wire.FeedRow, ...]:
    account = feed_wire.AccountVersion(account="points", points=7, leased=3, version=2)
    assignment = feed_wire.AssignmentRow(
        number=1, bundle="b" * 64, active_from_ms=1, size=9, generation=GENERATION
    )
    return (
        feed_wire.MemberRow(
            member_id="m-1",
            version=1,
            status="blocked",
            tier="gold",
            display_name="Ä. M.",
            language="de",
            segments=("new",),
            entitlements=("early",),
            joined=date(2026, 1, 2),
            birthday="07-31",
            staff=True,
            visits=3,
            lifetime_spend_minor=4,
            period_spend_minor=5,
            last_visit=date(2026, 11, 21),
        ),
        feed_wire.CardRow(
            card_hash="ab" * 16, key_id=1, member_id="m-1", version=1, status="blocked"
        ),
        feed_wire.BalanceRow(member_id="m-1", account="points", points=7, leased=3, version=2),
        feed_wire.OutcomeRow(
            uid="01a1fe48-3338-7001-8203-040506070809",
            incarnation=LIFE,
            seq=1,
            state="parked",
            reason="member_unknown",
            member_id="m-1",
            accounts=(account,),
        ),
        lease(),
        msgspec.structs.replace(
            assignment, signature=ONLINE.sign(PURPOSE_ASSIGNMENT, bytes_to_sign(assignment)).hex()
        ),
        feed_wire.RemovalRow(what="member", key="m-2", version=9, reason="erased"),
    )


def page() -> feed_wire.FeedPage:
    body = encoded(
        feed_wire.SegmentBody(
            generation=GENERATION, audience=AUDIENCE, number=1, rows=rows(), central_ms=NOW_MS
        )
    )
    statement = encoded(
        wire.Statement(
            nonce=NONCE.hex(),
            register=TILL,
            generation=GENERATION,
            audience=AUDIENCE,
            head=1,
            root=1,
            central_ms=NOW_MS,
        )
    )
    signature = ONLINE.sign(PURPOSE_SEGMENT, body).hex()
    return feed_wire.FeedPage(
        generation=GENERATION,
        audience=AUDIENCE,
        head=1,
        central_ms=NOW_MS,
        segments=(feed_wire.Segment(number=1, body=body.decode(), signature=signature),),
        statement=statement.decode(),
        statement_signature=ONLINE.sign(PURPOSE_STATEMENT, statement).hex(),
    )


def image() -> tuple[wire.Message, bytes]:
    """An image's signed manifest, and its file."""
    member = (1, "m-1", 1, "active", "", "Ä. M.", "de", "", "", None, "", 0, 0, 0, 0, None)
    lines: list[image_wire.ImageLine] = [
        image_wire.ImageHead(generation=GENERATION, audience=AUDIENCE, number=1),
        image_wire.ImageMembers(rows=(member,)),
        image_wire.ImageCards(rows=((bytes(16), 1, 1, 1, 1),)),
        image_wire.ImageBalances(rows=(("m-1", "points", 7, 3, 2),)),
        image_wire.ImageRows(rows=(msgspec.Raw(encoded(rows()[5])),)),
        image_wire.ImageEnd(members=1, cards=1, balances=1),
    ]
    plain = b"".join(encoded(line) + b"\n" for line in lines)
    packed = gzip.compress(plain, 6, mtime=0)
    manifest = encoded(
        image_wire.ImageManifest(
            generation=GENERATION,
            audience=AUDIENCE,
            number=1,
            format=1,
            hash=hashlib.sha256(packed).hexdigest(),
            size=len(packed),
            unpacked=len(plain),
            members=1,
            cards=1,
            balances=1,
            built_ms=NOW_MS,
        )
    )
    signed = image_wire.SignedImage(
        manifest=manifest.decode(), signature=ONLINE.sign(PURPOSE_IMAGE, manifest).hex()
    )
    return signed, packed


def of_enrolment() -> list[msgspec.Struct]:
    """How a register becomes known and stays so."""
    certificate = encoded(
        wire.Certificate(
            register=TILL,
            store=STORE,
            region="north",
            public_key=REGISTER.public.hex(),
            serial=1,
            issued_ms=NOW_MS,
            not_after_ms=2 * NOW_MS,
        )
    ).decode()
    signature = ONLINE.sign(PURPOSE_CERTIFICATE, certificate.encode()).hex()
    proof = renewal_bytes(register=TILL, public_key=NEXT.public.hex())
    return [
        wire.EnrolRequest(
            code=CODE, public_key=REGISTER.public.hex(), incarnation=LIFE, host="h", release="0"
        ),
        wire.EnrolAnswer(
            certificate=certificate,
            signature=signature,
            central_key=ONLINE.public.hex(),
            generation=GENERATION,
            card_key_id=1,
            card_key="44" * 32,
            time_zone="Europe/Berlin",
            currency="EUR",
            central_ms=NOW_MS,
            root=root(),
        ),
        wire.RenewRequest(
            public_key=NEXT.public.hex(),
            proof=NEXT.sign(PURPOSE_RENEWAL, proof).hex(),
            certificate=certificate,
            certificate_signature=signature,
        ),
        wire.RenewAnswer(certificate=certificate, signature=signature, central_ms=NOW_MS),
        msgspec.json.decode(certificate, type=wire.Certificate),
    ]


def messages() -> dict[str, list[msgspec.Struct]]:
    """Each message by its name, every field filled."""
    found: list[msgspec.Struct] = [
        *of_enrolment(),
        wire.BatchAnswer(
            generation=GENERATION,
            incarnation=LIFE,
            high_water=3,
            central_ms=NOW_MS,
            repeated=True,
            fork=True,
            malformed=(wire.Malformed(seq=2, reason="no uid"),),
            next_after_s=5,
        ),
        wire.Heartbeat(
            register=TILL,
            incarnation=LIFE,
            release="0.1.0",
            queued=3,
            bundle="b" * 64,
            clock_ms=NOW_MS,
            disk_free_bytes=9,
            cursors=((AUDIENCE, 1),),
        ),
        profile_wire.ProfilesGiven(
            profiles=(
                profile_wire.ProfileMessage(
                    uid="u-1",
                    member_id="m-1",
                    given_ms=NOW_MS,
                    name="Ä. Meier",
                    phone="+4915155501010",
                    email="a@example.org",
                    birthday="07-31",
                    language="de",
                    consents=(profile_wire.Consent(purpose="mailing", granted=True, text="1"),),
                ),
            )
        ),
        profile_wire.ProfilesAnswer(taken=(profile_wire.ProfileTaken(uid="u-1", state="stored"),)),
        wire.Refusal(code="busy", detail="too much waits", hint="come back", retry_after_s=5),
        grant_wire.PresentRequest(generation=GENERATION, grants=(lease(),), is_last=True),
        grant_wire.PresentAnswer(
            generation=GENERATION, taken=1, refused=2, taken_back=3, waiting=(TILL, "till-2")
        ),
        batch()[2],
        root(),
        msgspec.json.decode(root().document, type=wire.Root),
        page(),
        image()[0],
        *rows(),
        # Not among the rows of the page: that stands as it was first written.
        feed_wire.BackupRow(incarnation=LIFE, seq=3, link="c" * 64),
        feed_wire.StopsRow(
            version=4, stopped=(feed_wire.StoppedOffer(programme="corner-shop", offer="dairy-10"),)
        ),
        feed_wire.ShareRow(
            key="corner-shop/few/total", register="till-1", incarnation=LIFE, granted=25
        ),
    ]
    named: dict[str, list[msgspec.Struct]] = {}
    for one in found:
        named.setdefault(type(one).__name__, []).append(one)
    return named


def required(kind: type[msgspec.Struct]) -> list[str]:
    """The fields without which a message does not read."""
    return sorted(one.encode_name for one in msgspec.structs.fields(kind) if one.required)


SENT = {
    "Heartbeat": ("/v1/heartbeat", 2),
    "RenewRequest": ("/v1/certificate", 3),
    "PresentRequest": ("/v1/grants", 4),
    "ProfilesGiven": ("/v1/profiles", 5),
}
"""What a register posts, where to, and the number of its nonce."""


def texts(named: dict[str, list[msgspec.Struct]]) -> dict[str, Any]:
    """These messages, what each of them needs, and the headers of those that a register posts."""
    said = {kind: encoded(ones[0]) for kind, ones in named.items()}
    return {
        "messages": {kind: text.decode() for kind, text in said.items()},
        "required": {kind: required(type(ones[0])) for kind, ones in named.items()},
        "requests": {
            path: request("POST", path, said[kind], number)
            for kind, (path, number) in SENT.items()
            if kind in said
        },
    }


def main(name: str, *only: str) -> None:
    headers, body, _ = batch()
    named = messages()
    told = texts({kind: named[kind] for kind in only or named})
    whole = {
        **told,
        "nonce": NONCE.hex(),
        "batch": {
            "headers": {
                **headers,
                "Tessera-Request": request("POST", "/v1/batches", body, 1),
            },
            "body": base64.b64encode(body).decode(),
        },
        "image_file": base64.b64encode(image()[1]).decode(),
    }
    with (FOLDER / f"{name}.json").open("x") as file:
        json.dump(told if only else whole, file, indent=1, sort_keys=True, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
