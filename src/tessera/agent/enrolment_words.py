"""What the cashier is told when somebody was enrolled at the till, in all languages.

Owns: these words, which `notices` and `notice_words` take in. Must never: promise what central has
yet to decide.
"""

ENGLISH: dict[str, tuple[str, str]] = {
    "enrolled_here": (
        "enrolled: points are earned from now on; central confirms card and phone",
        "units can be spent once central has confirmed it",
    ),
}
OTHERS: dict[str, dict[str, tuple[str, str]]] = {
    "de": {
        "enrolled_here": (
            "aufgenommen: ab jetzt gibt es Punkte; Karte und Telefon bestätigt die Zentrale",
            "einlösen geht, sobald die Zentrale bestätigt hat",
        ),
    },
    "fr": {
        "enrolled_here": (
            "inscription faite : les points comptent ; la centrale confirme carte et téléphone",
            "on pourra dépenser dès que la centrale aura confirmé",
        ),
    },
    "es": {
        "enrolled_here": (
            "alta hecha: ya se ganan puntos; la central confirma la tarjeta y el teléfono",
            "se podrá canjear cuando la central lo haya confirmado",
        ),
    },
    "ru": {
        "enrolled_here": (
            "оформлено: баллы начисляются уже сейчас; карту и телефон подтвердит центр",
            "тратить можно, когда центр подтвердит",
        ),
    },
}
