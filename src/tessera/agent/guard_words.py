"""What the cashier is told by the guard against abuse, in all languages.

Owns: these words, which `notices` and `notice_words` take in. Must never: accuse anybody; the guard
counts, and people judge.
"""

ENGLISH: dict[str, tuple[str, str]] = {
    "guard_card": (
        "this card is used more often than the shop allows for; the sale is marked",
        "make sure that the card is the customer's own",
    ),
    "guard_own_card": (
        "this is the card of whoever sits at this till; the sale is marked",
        "let somebody else ring up own purchases; take the card off if it is a customer's sale",
    ),
    "guard_refused": (
        "this card gets no discounts and points for members on this sale",
        "the sale goes on as without a card; central sees it",
    ),
    "guard_returns": (
        "this member has brought back more than the shop allows for; it is marked",
        "goods are taken back as always; central looks at it",
    ),
}
OTHERS: dict[str, dict[str, tuple[str, str]]] = {
    "de": {
        "guard_card": (
            "diese Karte wird öfter benutzt als vorgesehen; der Einkauf wird vermerkt",
            "darauf achten, dass die Karte dem Kunden gehört",
        ),
        "guard_own_card": (
            "das ist die Karte der Person an dieser Kasse; der Einkauf wird vermerkt",
            "eigene Einkäufe kassiert jemand anders; sonst die Karte aus dem Verkauf nehmen",
        ),
        "guard_refused": (
            "diese Karte bekommt bei diesem Einkauf keine Rabatte und Punkte für Mitglieder",
            "der Verkauf geht weiter wie ohne Karte; die Zentrale sieht es",
        ),
        "guard_returns": (
            "dieses Mitglied hat öfter etwas zurückgebracht als vorgesehen; es wird vermerkt",
            "Ware wird zurückgenommen wie immer; die Zentrale sieht es sich an",
        ),
    },
    "fr": {
        "guard_card": (
            "cette carte sert plus souvent que prévu ; la vente est signalée",
            "vérifier que la carte est bien celle du client",
        ),
        "guard_own_card": (
            "c’est la carte de la personne à cette caisse ; la vente est signalée",
            "un collègue encaisse les achats personnels ; sinon retirer la carte de la vente",
        ),
        "guard_refused": (
            "cette carte ne donne ni remise ni points de membre pour cette vente",
            "la vente continue comme sans carte ; la centrale le voit",
        ),
        "guard_returns": (
            "ce membre a rendu plus souvent que prévu ; c’est signalé",
            "la marchandise est reprise comme toujours ; la centrale s’en occupe",
        ),
    },
    "es": {
        "guard_card": (
            "esta tarjeta se usa más de lo previsto; la venta queda señalada",
            "comprobar que la tarjeta es del cliente",
        ),
        "guard_own_card": (
            "es la tarjeta de quien está en esta caja; la venta queda señalada",
            "otra persona cobra las compras propias; si no, quitar la tarjeta de la venta",
        ),
        "guard_refused": (
            "esta tarjeta no da descuentos ni puntos de socio en esta venta",
            "la venta sigue como sin tarjeta; la central lo ve",
        ),
        "guard_returns": (
            "este socio ha devuelto más de lo previsto; queda señalado",
            "la mercancía se acepta como siempre; la central lo revisa",
        ),
    },
    "ru": {
        "guard_card": (
            "картой пользуются чаще, чем предусмотрено; продажа отмечена",
            "убедитесь, что карта принадлежит покупателю",
        ),
        "guard_own_card": (
            "это карта того, кто работает за этой кассой; продажа отмечена",
            "свои покупки пробивает коллега; иначе уберите карту из продажи",
        ),
        "guard_refused": (
            "по этой карте на эту продажу нет скидок и баллов участника",
            "продажа идёт как без карты; центр это видит",
        ),
        "guard_returns": (
            "этот участник возвращает чаще, чем предусмотрено; возврат отмечен",
            "товар принимается как обычно; центр это проверит",
        ),
    },
}
