"""The notices in the other languages of the cashier's page: text and hint by code.

Owns: these translations; English stands in `notices`. Must never: hold a code that `notices` does
not know, or leave one of its codes out; a test compares the two.
"""

from tessera.agent import enrolment_words, guard_words

WORDS: dict[str, dict[str, tuple[str, str]]] = {
    "de": {
        "bad_check_digit": (
            "der Code wurde falsch gelesen: die Prüfziffer stimmt nicht",
            "noch einmal scannen",
        ),
        "bad_length": ("der Code wurde nicht ganz gelesen", "noch einmal scannen"),
        "benefits_stopped": (
            "die Platte ist fast voll: vorerst keine Rabatte und Punkte, der Verkauf geht weiter",
            "Platz schaffen; tessera doctor zeigt, wie viel frei ist",
        ),
        "bundle_rejected": (
            "ein neues Programm war nicht lesbar; das letzte gute gilt weiter",
            "tessera programme check sagt, was daran falsch ist",
        ),
        "card_unknown": (
            "diese Karte ist an dieser Kasse nicht bekannt",
            "Nummer prüfen; eine heute ausgegebene Karte ist vielleicht noch unterwegs",
        ),
        "card_unreadable": (
            "das ist keine Karten- oder Telefonnummer",
            "noch einmal scannen oder eintippen",
        ),
        "claim_pending": (
            "der Antrag ist festgehalten; die Zentrale kennt den Einkauf und rechnet ihn aus",
            "nichts zu tun; der Stand zeigt sie, sobald die Zentrale geantwortet hat",
        ),
        "clock_doubt": (
            "die Uhren von Kasse, POS und Zentrale gehen um mehr als einen Tag auseinander",
            "Uhr der Kasse stellen; bis dahin können Aktionen mit Datum falsch sein",
        ),
        "code_refused": ("der Code war nicht lesbar", "noch einmal scannen oder eintippen"),
        "codes_dropped": (
            "gescannte Codes wurden verworfen: das POS hat sie nicht rechtzeitig abgeholt",
            "noch einmal scannen; das POS muss beim Verkauf POST /hw_proxy/scanner abfragen",
        ),
        "coupon_refused": (
            "ein Gutschein gilt nicht: eingelöst, abgelaufen oder nicht von diesem Händler",
            "alles andere gilt; erklären oder den Gutschein aus dem Verkauf nehmen",
        ),
        "database_failing": (
            "die Datenbank der Kasse ist nicht lesbar: vorerst kein Mitglied und keine Punkte",
            "tessera doctor prüft die Datenbank",
        ),
        "instant_win": (
            "der Kunde hat etwas gewonnen; der Bon nennt den Preis",
            "den Preis aushändigen oder sagen, wo er liegt",
        ),
        "key_reused": (
            "diese Bonnummer gab es schon: festgehalten, Punkte warten auf die Zentrale",
            "das POS muss Verkäufe innerhalb eines Geschäftstags eindeutig nummerieren",
        ),
        "member_blocked": ("dieses Mitglied ist gesperrt", "am Kundenservice fragen"),
        "no_programme": (
            "an dieser Kasse ist noch kein Programm angekommen",
            "in der Zentrale eines freigeben; tessera agent status zeigt, wann es da ist",
        ),
        "no_receipt": (
            "ohne Bon zählt der niedrigste Preis, den jetzt jemand zahlt",
            "mit dem Bon gibt es zurück, was bezahlt wurde",
        ),
        "not_enrolled": (
            "die Kasse ist nicht angemeldet: sie kennt keine Mitglieder und hält nichts fest",
            "tessera agent enrol --help",
        ),
        "payment_card": (
            "das ist eine Zahlungskarte: sie wurde nicht gelesen",
            "nach der Kundenkarte fragen",
        ),
        "points_held": (
            "die Zentrale kam aus einer Sicherung und legt hier noch keine Punkte neu bereit",
            "die übrigen Kassen des Ladens einschalten; die Zentrale zeigt, welche fehlen",
        ),
        "quote_late": (
            "die Berechnung dauerte zu lange: diese Antwort ist ohne Vorteile",
            "noch einmal anfragen",
        ),
        "redemption_reduced": (
            "es wird weniger eingelöst als gewünscht",
            "diese Kasse darf ausgeben, was die Zentrale für sie zurückgelegt hat",
        ),
        "redemption_unbacked": (
            "eingelöste Punkte konnten nicht mehr abgebucht werden",
            "die Zentrale erfährt es; an der Kasse ist nichts zu tun",
        ),
        "register_refused": (
            "die Zentrale weist diese Kasse ab: Verkäufe bleiben hier und werden nicht gesendet",
            "in der Zentrale einen neuen Code holen: tessera agent enrol --again --code …",
        ),
        "rules_failed": (
            "die Regeln sind an diesem Korb gescheitert: diese Antwort ist ohne Vorteile",
            "das Protokoll dieses Moments an die Betreuung der Kasse geben",
        ),
        "total_mismatch": (
            "kassiert wurde nicht die berechnete Summe: festgehalten, wie es war",
            "das POS soll due_minor aus der Antwort nehmen",
        ),
        "training": ("Übung: nichts wird festgehalten", ""),
        "trust_ending": (
            "das Zertifikat dieser Kasse oder die Wurzel der Zentrale läuft bald ab",
            "der Betreuung der Zentrale sagen: tessera central status nennt es",
        ),
    },
    "fr": {
        "bad_check_digit": (
            "le code a été mal lu : sa clé de contrôle est fausse",
            "scanner à nouveau",
        ),
        "bad_length": ("le code a été lu à moitié", "scanner à nouveau"),
        "benefits_stopped": (
            "le disque est presque plein : ni remises ni points pour l’instant, la vente continue",
            "libérer de la place ; tessera doctor montre ce qui reste",
        ),
        "bundle_rejected": (
            "un nouveau programme est illisible ; le dernier bon reste en vigueur",
            "tessera programme check dit ce qui ne va pas",
        ),
        "card_unknown": (
            "cette carte n’est pas connue de cette caisse",
            "vérifier le numéro ; une carte émise aujourd’hui est peut-être encore en route",
        ),
        "card_unreadable": (
            "ce n’est ni un numéro de carte ni un numéro de téléphone",
            "scanner à nouveau, ou saisir le numéro",
        ),
        "claim_pending": (
            "la demande est enregistrée ; la centrale connaît l’achat et calcule ses points",
            "rien à faire ; le solde les montre dès que la centrale a répondu",
        ),
        "clock_doubt": (
            "les horloges de la caisse, du logiciel et de la centrale diffèrent de plus d’un jour",
            "régler l’horloge ; d’ici là, les offres datées peuvent être fausses",
        ),
        "code_refused": ("le code n’a pas pu être lu", "scanner à nouveau, ou saisir le numéro"),
        "codes_dropped": (
            "des codes lus ont été abandonnés : le POS ne les a pas relevés à temps",
            "les relire ; le POS doit interroger POST /hw_proxy/scanner pendant la vente",
        ),
        "coupon_refused": (
            "un bon n'est pas valable : déjà utilisé, expiré ou pas de ce magasin",
            "le reste est accordé ; l'expliquer ou retirer le bon",
        ),
        "database_failing": (
            "la base de données de la caisse est illisible : ni membre ni points pour l’instant",
            "tessera doctor vérifie la base",
        ),
        "instant_win": (
            "le client a gagné un lot ; le ticket le nomme",
            "le remettre ou dire où il attend",
        ),
        "key_reused": (
            "ce numéro de vente a déjà servi : enregistrée, les points attendent la centrale",
            "le logiciel doit numéroter ses ventes sans doublon dans la journée",
        ),
        "member_blocked": ("ce membre est bloqué", "demander à l’accueil"),
        "no_programme": (
            "aucun programme n’est encore arrivé sur cette caisse",
            "en publier un à la centrale ; tessera agent status montre son arrivée",
        ),
        "no_receipt": (
            "sans ticket, la marchandise vaut le prix le plus bas du moment",
            "avec le ticket, le client récupère ce qu’il a payé",
        ),
        "not_enrolled": (
            "cette caisse n’est pas inscrite : elle ne connaît aucun membre et n’enregistre rien",
            "tessera agent enrol --help",
        ),
        "payment_card": (
            "c’est une carte de paiement : elle n’a pas été lue",
            "demander la carte de fidélité",
        ),
        "points_held": (
            "la centrale revient d’une sauvegarde et ne réserve pas encore d’autres points ici",
            "allumer les autres caisses du magasin ; la centrale indique lesquelles",
        ),
        "quote_late": (
            "le calcul a pris trop de temps : cette réponse est sans avantages",
            "redemander",
        ),
        "redemption_reduced": (
            "moins d’unités sont dépensées que souhaité",
            "cette caisse peut dépenser ce que la centrale lui a réservé",
        ),
        "redemption_unbacked": (
            "des unités données en paiement ne pouvaient plus être débitées",
            "la centrale en est informée ; rien à faire à la caisse",
        ),
        "register_refused": (
            "la centrale refuse cette caisse : les ventes restent ici et ne partent pas",
            "demander un nouveau code à la centrale : tessera agent enrol --again --code …",
        ),
        "rules_failed": (
            "les règles ont échoué sur ce panier : cette réponse est sans avantages",
            "transmettre le journal de ce moment à qui entretient la caisse",
        ),
        "total_mismatch": (
            "le total encaissé n’est pas le total calculé : enregistré tel quel",
            "le logiciel doit prendre due_minor de la réponse",
        ),
        "training": ("formation : rien n’est enregistré", ""),
        "trust_ending": (
            "le certificat de cette caisse ou la racine de la centrale expire bientôt",
            "prévenir qui s’occupe de la centrale : tessera central status le précise",
        ),
    },
    "es": {
        "bad_check_digit": (
            "el código se leyó mal: su dígito de control no coincide",
            "escanear otra vez",
        ),
        "bad_length": ("el código se leyó a medias", "escanear otra vez"),
        "benefits_stopped": (
            "el disco está casi lleno: por ahora sin descuentos ni puntos, la venta sigue",
            "liberar espacio; tessera doctor muestra cuánto queda",
        ),
        "bundle_rejected": (
            "un programa nuevo no se pudo leer; sigue el último bueno",
            "tessera programme check dice qué está mal",
        ),
        "card_unknown": (
            "esta caja no conoce esta tarjeta",
            "comprobar el número; una tarjeta emitida hoy puede estar en camino",
        ),
        "card_unreadable": (
            "no es un número de tarjeta ni de teléfono",
            "escanear otra vez o teclearlo",
        ),
        "claim_pending": (
            "la solicitud queda registrada; la central tiene la compra y calcula sus puntos",
            "no hay que hacer nada; el saldo los muestra cuando la central responde",
        ),
        "clock_doubt": (
            "los relojes de la caja, del TPV y de la central difieren en más de un día",
            "poner en hora la caja; hasta entonces las ofertas con fecha pueden fallar",
        ),
        "code_refused": ("no se pudo leer el código", "escanear otra vez o teclearlo"),
        "codes_dropped": (
            "se descartaron códigos leídos: el POS no los recogió a tiempo",
            "leerlos otra vez; el POS debe consultar POST /hw_proxy/scanner mientras vende",
        ),
        "coupon_refused": (
            "un cupón no vale: usado, caducado o de otra tienda",
            "lo demás se aplica; explicarlo o quitar el cupón",
        ),
        "database_failing": (
            "no se puede leer la base de datos de la caja: por ahora sin socio ni puntos",
            "tessera doctor comprueba la base de datos",
        ),
        "instant_win": (
            "el cliente ha ganado un premio; el tique dice cuál",
            "entregarlo o decir dónde espera",
        ),
        "key_reused": (
            "este número de venta ya se usó: registrada, los puntos esperan a la central",
            "el TPV debe numerar sus ventas sin repetir en el día",
        ),
        "member_blocked": ("este socio está bloqueado", "preguntar en atención al cliente"),
        "no_programme": (
            "todavía no ha llegado ningún programa a esta caja",
            "publicar uno en la central; tessera agent status muestra cuándo llega",
        ),
        "no_receipt": (
            "sin ticket, los artículos valen el precio más bajo de hoy",
            "con el ticket, el cliente recupera lo que pagó",
        ),
        "not_enrolled": (
            "esta caja no está dada de alta: no conoce socios ni registra ventas",
            "tessera agent enrol --help",
        ),
        "payment_card": ("es una tarjeta de pago: no se ha leído", "pedir la tarjeta de socio"),
        "points_held": (
            "la central vuelve de una copia y aún no reserva más puntos para esta tienda",
            "encender las demás cajas de la tienda; la central indica cuáles",
        ),
        "quote_late": (
            "el cálculo tardó demasiado: esta respuesta no lleva ventajas",
            "preguntar otra vez",
        ),
        "redemption_reduced": (
            "se gastan menos unidades de las deseadas",
            "esta caja puede gastar lo que la central le ha reservado",
        ),
        "redemption_unbacked": (
            "unidades dadas como pago ya no se podían gastar",
            "la central lo sabe; en la caja no hay nada que hacer",
        ),
        "register_refused": (
            "la central rechaza esta caja: las ventas quedan aquí y no se envían",
            "pedir un código nuevo a la central: tessera agent enrol --again --code …",
        ),
        "rules_failed": (
            "las reglas fallaron con esta cesta: esta respuesta no lleva ventajas",
            "enviar el registro de este momento a quien mantiene la caja",
        ),
        "total_mismatch": (
            "el total cobrado no es el calculado: registrado tal como fue",
            "el TPV debe tomar due_minor de la respuesta",
        ),
        "training": ("formación: no se registra nada", ""),
        "trust_ending": (
            "el certificado de esta caja o la raíz de la central caduca pronto",
            "avisar a quien cuida la central: tessera central status lo indica",
        ),
    },
    "ru": {
        "bad_check_digit": (
            "код прочитан неверно: контрольная цифра не сходится",
            "отсканируйте ещё раз",
        ),
        "bad_length": ("код прочитан не полностью", "отсканируйте ещё раз"),
        "benefits_stopped": (
            "диск почти заполнен: пока без скидок и баллов, продажа продолжается",
            "освободите место; tessera doctor покажет, сколько осталось",
        ),
        "bundle_rejected": (
            "новую программу не удалось прочитать; действует последняя исправная",
            "tessera programme check покажет, что в ней не так",
        ),
        "card_unknown": (
            "эта карта на этой кассе неизвестна",
            "проверьте номер; выданная сегодня карта может быть ещё в пути",
        ),
        "card_unreadable": (
            "это не номер карты и не номер телефона",
            "отсканируйте ещё раз или введите вручную",
        ),
        "claim_pending": (
            "заявка записана; покупка известна центру, он рассчитает баллы",
            "ничего делать не нужно; баллы появятся на счёте после ответа центра",
        ),
        "clock_doubt": (
            "часы кассы, POS и центра расходятся больше чем на сутки",
            "поставьте часы кассы; до этого акции с датами могут быть неверны",
        ),
        "code_refused": ("код не удалось прочитать", "отсканируйте ещё раз или введите вручную"),
        "codes_dropped": (
            "считанные коды отброшены: касса не забрала их вовремя",
            "считайте ещё раз; касса должна опрашивать POST /hw_proxy/scanner во время продажи",
        ),
        "coupon_refused": (
            "купон не действует: использован, просрочен или не этого магазина",
            "остальное действует; объяснить или убрать купон",
        ),
        "database_failing": (
            "база данных кассы не читается: пока без участника и баллов",
            "tessera doctor проверит базу данных",
        ),
        "instant_win": (
            "покупатель выиграл приз; он назван в чеке",
            "выдать его или сказать, где он ждёт",
        ),
        "key_reused": (
            "этот номер продажи уже занят: записано, баллы ждут центра",
            "POS должен нумеровать продажи дня без повторов",
        ),
        "member_blocked": ("этот участник заблокирован", "обратитесь в службу поддержки магазина"),
        "no_programme": (
            "на эту кассу ещё не пришла ни одна программа",
            "выпустите её в центре; tessera agent status покажет, когда она придёт",
        ),
        "no_receipt": (
            "без чека товар стоит столько, сколько сейчас при самой низкой цене",
            "с чеком покупатель получит уплаченное",
        ),
        "not_enrolled": (
            "эта касса не зарегистрирована: она не знает участников и не записывает продажи",
            "tessera agent enrol --help",
        ),
        "payment_card": ("это платёжная карта: она не прочитана", "попросите карту участника"),
        "points_held": (
            "центр восстановлен из копии и пока не выделяет магазину новых баллов",
            "включите остальные кассы магазина; центр показывает, какие",
        ),
        "quote_late": (
            "расчёт занял слишком много времени: этот ответ без выгод",
            "спросите ещё раз",
        ),
        "redemption_reduced": (
            "списывается меньше, чем просили",
            "касса может списать то, что центр отложил для неё",
        ),
        "redemption_unbacked": (
            "принятые в оплату баллы списать уже не удалось",
            "центр узнает об этом; на кассе делать ничего не нужно",
        ),
        "register_refused": (
            "центр не принимает эту кассу: продажи остаются здесь и не отправляются",
            "получите в центре новый код: tessera agent enrol --again --code …",
        ),
        "rules_failed": (
            "правила не справились с этой корзиной: этот ответ без выгод",
            "передайте журнал этого момента тому, кто обслуживает кассу",
        ),
        "total_mismatch": (
            "принята не рассчитанная сумма: записано как было",
            "POS должен брать due_minor из ответа",
        ),
        "training": ("обучение: ничего не записывается", ""),
        "trust_ending": (
            "сертификат этой кассы или корень центра скоро истечёт",
            "сообщите тому, кто обслуживает центр: tessera central status назовёт причину",
        ),
    },
}
for _others in (enrolment_words.OTHERS, guard_words.OTHERS):
    for _language, _words in _others.items():
        WORDS[_language].update(_words)
