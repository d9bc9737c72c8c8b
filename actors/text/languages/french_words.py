"""The words of French: units, currencies, names and abbreviations."""

from actors.text.languages.context import word_list, word_set
from actors.text.languages.language import Currency, Noun, Words, regular, same

WORDS = Words(
    point="virgule",
    minus="moins",
    plus="plus",
    plus_minus="plus ou moins",
    times="fois",
    by="sur",
    divided="divisé par",
    equals="égale",
    unequal="est différent de",
    about="environ",
    nearly="est environ égal à",
    less="est inférieur à",
    less_equal="est inférieur ou égal à",
    greater="est supérieur à",
    greater_equal="est supérieur ou égal à",
    root="racine carrée de",
    power="puissance",
    squared="au carré",
    cubed="au cube",
    to="à",
    over="sur",
    per="par",
    of="de",
    and_="et",
    percent="pour cent",
    per_mille="pour mille",
    section="paragraphe",
    sections="paragraphes",
    number="numéro",
    copyright="copyright",
    at="arobase",
    dot="point",
    dot_in_version="point",
    slash="slash",
    dash="tiret",
    underscore="tiret bas",
    hashtag="hashtag",
)


def _with(noun: Noun, behind: str) -> Noun:
    return Noun(f"{noun.one} {behind}", f"{noun.many} {behind}s", noun.gender)


_LENGTHS = {
    f"{symbol}m": regular(f"{prefix}mètre")
    for symbol, prefix in (
        ("k", "kilo"), ("h", "hecto"), ("", ""), ("d", "déci"), ("c", "centi"), ("m", "milli"), ("µ", "micro"), ("μ", "micro"),
        ("n", "nano"),
    )
}  # fmt: skip
_AREAS = {f"{unit}{mark}": _with(noun, "carré") for unit, noun in _LENGTHS.items() for mark in "²2"}
_VOLUMES = {f"{unit}{mark}": _with(noun, "cube") for unit, noun in _LENGTHS.items() for mark in "³3"}
_WEIGHTS = {
    f"{symbol}g": regular(f"{prefix}gramme")
    for symbol, prefix in (
        ("k", "kilo"),
        ("", ""),
        ("d", "déci"),
        ("c", "centi"),
        ("m", "milli"),
        ("µ", "micro"),
        ("μ", "micro"),
    )
}
_LITRES = {
    f"{symbol}{litre}": regular(f"{prefix}litre")
    for symbol, prefix in (("h", "hecto"), ("", ""), ("d", "déci"), ("c", "centi"), ("m", "milli"), ("µ", "micro"))
    for litre in "lL"
}
_PREFIXES = (("k", "kilo"), ("K", "kilo"), ("M", "méga"), ("G", "giga"), ("T", "téra"), ("P", "péta"))
_BYTES = {f"{symbol}{byte}": regular(f"{prefix}octet") for symbol, prefix in _PREFIXES for byte in "oB"}
_BITS = {f"{symbol}{bit}": regular(f"{prefix}bit") for symbol, prefix in _PREFIXES for bit in ("b", "bit", "bits")}
_RATES = {f"{symbol}bps": Noun(f"{prefix}bit par seconde", f"{prefix}bits par seconde") for symbol, prefix in _PREFIXES}
_ELECTRIC = {
    f"{symbol}{unit}": regular(f"{prefix}{name}")
    for symbol, prefix in (("m", "milli"), ("", ""), ("k", "kilo"), ("M", "méga"), ("G", "giga"), ("T", "téra"))
    for unit, name in (
        ("W", "watt"),
        ("Wh", "wattheure"),
        ("V", "volt"),
        ("Hz", "hertz"),
        ("J", "joule"),
        ("Pa", "pascal"),
        ("N", "newton"),
    )
    if symbol or unit not in ("J", "N")
}
_HERTZ = {symbol: same(noun.one) for symbol, noun in _ELECTRIC.items() if symbol.endswith("Hz")}

UNITS = {
    **_LENGTHS, **_AREAS, **_VOLUMES, **_WEIGHTS, **_LITRES, **_BYTES, **_BITS, **_RATES, **_ELECTRIC, **_HERTZ,
    "A": regular("ampère"), "mA": regular("milliampère"), "mAh": regular("milliampèreheure"),
    "Ah": regular("ampèreheure"),
    "Ω": regular("ohm"), "kΩ": regular("kiloohm"), "t": regular("tonne", "f"), "kt": regular("kilotonne", "f"),
    "Mt": regular("mégatonne", "f"), "ha": regular("hectare"), "h": regular("heure", "f"), "min": regular("minute", "f"),
    "min.": regular("minute", "f"), "mn": regular("minute", "f"), "s": regular("seconde", "f"), "sec": regular("seconde",
    "f"),
    "sec.": regular("seconde", "f"), "ms": regular("milliseconde", "f"), "µs": regular("microseconde", "f"),
    "ns": regular("nanoseconde", "f"), "j": regular("jour"), "°C": Noun("degré Celsius", "degrés Celsius"),
    "° C": Noun("degré Celsius", "degrés Celsius"), "ºC": Noun("degré Celsius", "degrés Celsius"),
    "°F": Noun("degré Fahrenheit", "degrés Fahrenheit"), "° F": Noun("degré Fahrenheit", "degrés Fahrenheit"),
    "°": regular("degré"), "hPa": regular("hectopascal"), "bar": regular("bar"), "mbar": regular("millibar"),
    "dB": regular("décibel"), "lm": regular("lumen"), "lx": same("lux"), "mol": regular("mole", "f"),
    "cal": regular("calorie", "f"), "kcal": regular("kilocalorie", "f"), "ch": Noun("cheval", "chevaux"),
    "CV": Noun("cheval", "chevaux"),
    "cv": Noun("cheval", "chevaux"), "Nm": regular("newton mètre"), "mmHg": Noun("millimètre de mercure",
    "millimètres de mercure"),
    "ppm": Noun("partie par million", "parties par million", "f"), "px": regular("pixel"), "Mpx": regular("mégapixel"),
    "tr/min": Noun("tour par minute", "tours par minute"), "hab": regular("habitant"), "hab.": regular("habitant"),
    "pers.": regular("personne", "f"), "pts": regular("point"), "eV": regular("électronvolt"),
    "MeV": regular("mégaélectronvolt"),
    "GeV": regular("gigaélectronvolt"), "mSv": regular("millisievert"), "UI": Noun("unité internationale",
    "unités internationales", "f"),
    "m/s²": Noun("mètre par seconde carrée", "mètres par seconde carrée"), "l/100 km": Noun("litre aux cent kilomètres",
    "litres aux cent kilomètres"),
    "l/100km": Noun("litre aux cent kilomètres", "litres aux cent kilomètres"),
    "L/100 km": Noun("litre aux cent kilomètres", "litres aux cent kilomètres"), "c. à s.": Noun("cuillère à soupe",
    "cuillères à soupe", "f"),
    "c. à c.": Noun("cuillère à café", "cuillères à café", "f"), "c. à café": Noun("cuillère à café", "cuillères à café",
    "f"),
    "c. à soupe": Noun("cuillère à soupe", "cuillères à soupe", "f"),
}  # fmt: skip

_CENTIME, _CENT = regular("centime"), regular("cent")


def _currency(name: str, minor: Noun = _CENTIME, gender: str = "m") -> Currency:
    return Currency(Noun(name, " ".join(f"{word}s" for word in name.split()), gender), minor)


_EURO, _DOLLAR, _POUND = _currency("euro"), _currency("dollar", _CENT), _currency("livre", Noun("penny", "pence"), "f")
_YEN, _YUAN = Currency(regular("yen"), regular("sen")), Currency(regular("yuan"), regular("fen"))
_FRANC, _SWISS, _CFA = _currency("franc"), _currency("franc suisse"), Currency(Noun("franc CFA", "francs CFA"), _CENTIME)
_CANADIAN, _US = _currency("dollar canadien", _CENT), _currency("dollar américain", _CENT)
_CROWN = _currency("couronne", regular("øre"), "f")
CURRENCIES = {
    "€": _EURO, "EUR": _EURO, "euros": _EURO, "euro": _EURO, "$": _DOLLAR, "US$": _US, "$US": _US, "$ US": _US, "USD": _US,
    "CA$": _CANADIAN, "$CA": _CANADIAN,
    "$ CA": _CANADIAN, "$ CAN": _CANADIAN, "C$": _CANADIAN, "CAD": _CANADIAN, "A$": _currency("dollar australien", _CENT),
    "£": _POUND,
    "GBP": _POUND, "¥": _YEN, "JPY": _YEN, "CNY": _YUAN, "RMB": _YUAN, "CHF": _SWISS, "FCFA": _CFA, "F CFA": _CFA,
    "XOF": _CFA, "XAF": _CFA,
    "cts": Currency(_CENTIME, _CENTIME), "ct": Currency(_CENTIME, _CENTIME), "c€": Currency(_CENTIME, _CENTIME),
    "FF": _FRANC, "F": _FRANC, "₽": Currency(regular("rouble"), regular("kopeck")),
    "RUB": Currency(regular("rouble"), regular("kopeck")),
    "₹": _currency("roupie", regular("paisa"), "f"), "INR": _currency("roupie", regular("paisa"), "f"),
    "₩": Currency(regular("won"), _CENT),
    "R$": Currency(Noun("réal", "réaux"), _CENTIME), "₿": _currency("bitcoin"), "BTC": _currency("bitcoin"),
    "₺": _currency("livre turque", gender="f"),
    "₪": Currency(regular("shekel"), _CENTIME), "₴": Currency(regular("hryvnia"), _CENTIME), "kr": _CROWN, "SEK": _CROWN,
    "NOK": _CROWN,
    "DKK": _CROWN, "MAD": _currency("dirham"), "DH": _currency("dirham"), "DA": _currency("dinar"), "DT": _currency("dinar"),
    "¢": Currency(_CENT, _CENT),
}  # fmt: skip

THOUSAND = Noun("mille", "mille")
_MILLION, _BILLION = regular("million"), regular("milliard")
MAGNITUDES = {
    "k": THOUSAND, "K": THOUSAND, "M": _MILLION, "Mio": _MILLION, "Mds": _BILLION, "Md": _BILLION, "Mrd": _BILLION,
    "Mrds": _BILLION,
    "mds": _BILLION, "md": _BILLION, "Mia": _BILLION,
}  # fmt: skip

MONTH_NAMES = word_list("janvier février mars avril mai juin juillet août septembre octobre novembre décembre")
MONTHS = {
    **{name: number for number, name in enumerate(MONTH_NAMES, 1)},
    "fevrier": 2, "aout": 8, "decembre": 12, "janv.": 1, "janv": 1, "jan.": 1, "févr.": 2, "fév.": 2, "févr": 2, "fév": 2,
    "mar.": 3, "avr.": 4, "avr": 4,
    "juil.": 7, "juill.": 7, "juil": 7, "sept.": 9, "sept": 9, "oct.": 10, "oct": 10, "nov.": 11, "nov": 11, "déc.": 12,
    "déc": 12,
}  # fmt: skip
WEEKDAYS = {
    "lun.": "lundi", "mar.": "mardi", "mer.": "mercredi", "jeu.": "jeudi", "ven.": "vendredi", "sam.": "samedi",
    "dim.": "dimanche",
}  # fmt: skip
# As in rows, where there may be no stop, and some may be written out.
SHORT_DAYS = {short.removesuffix("."): day for short, day in WEEKDAYS.items()}
SHORT_DAYS |= {short.capitalize(): day.capitalize() for short, day in SHORT_DAYS.items()}
SHORT_DAYS |= {day: day for day in WEEKDAYS.values()}

TITLES = {
    "M.": "Monsieur", "MM.": "Messieurs", "Mr": "Monsieur", "Mr.": "Monsieur", "Mme": "Madame", "Mme.": "Madame",
    "Mmes": "Mesdames",
    "Mlle": "Mademoiselle", "Mlle.": "Mademoiselle", "Mlles": "Mesdemoiselles", "Dr": "docteur", "Dr.": "docteur",
    "Drs": "docteurs",
    "Dre": "docteure", "Pr": "professeur", "Pr.": "professeur", "Prs": "professeurs", "Prof.": "professeur",
    "Mgr": "Monseigneur",
    "Mgr.": "Monseigneur", "Vve": "veuve", "St": "Saint", "St.": "Saint", "Ste": "Sainte", "Ste.": "Sainte", "Sts": "Saints",
    "Stes": "Saintes",
    "Cdt": "commandant", "Cne": "capitaine", "Gén.": "général", "Gal": "général", "Col.": "colonel", "Cel": "colonel",
    "Lt": "lieutenant",
    "Cap.": "capitaine", "Sgt": "sergent", "R.P.": "Révérend Père", "R. P.": "Révérend Père", "S.M.": "Sa Majesté",
    "S. M.": "Sa Majesté",
    "S.A.R.": "Son Altesse Royale", "S. Exc.": "Son Excellence",
}  # fmt: skip

ABBREVIATIONS = {
    "etc.": "et cetera", "etc": "et cetera", "p. ex.": "par exemple", "p.ex.": "par exemple", "par ex.": "par exemple",
    "ex.": "exemple", "Ex.": "Exemple",
    "c.-à-d.": "c'est-à-dire", "c-à-d": "c'est-à-dire", "c.-à.-d.": "c'est-à-dire", "c.à.d.": "c'est-à-dire",
    "c. à d.": "c'est-à-dire",
    "c-à-d.": "c'est-à-dire", "c.à d.": "c'est-à-dire", "càd": "c'est-à-dire", "cad.": "c'est-à-dire",
    "i.e.": "c'est-à-dire", "i. e.": "c'est-à-dire",
    "av. J.-C.": "avant Jésus-Christ", "av. J.C.": "avant Jésus-Christ", "av. J. C.": "avant Jésus-Christ",
    "av. J.-C": "avant Jésus-Christ",
    "av. JC": "avant Jésus-Christ", "av JC": "avant Jésus-Christ", "av. n. è.": "avant notre ère",
    "apr. J.-C.": "après Jésus-Christ",
    "ap. J.-C.": "après Jésus-Christ", "apr. J.C.": "après Jésus-Christ", "ap. J.C.": "après Jésus-Christ",
    "ap. JC": "après Jésus-Christ",
    "apr. JC": "après Jésus-Christ", "J.-C.": "Jésus-Christ", "J.C.": "Jésus-Christ", "J.-C": "Jésus-Christ",
    "cf.": "confer", "Cf.": "Confer", "cf": "confer", "env.": "environ", "approx.": "approximativement", "max.": "maximum",
    "min.": "minimum",
    "éd.": "édition", "Éd.": "Éditions", "éds.": "éditeurs", "coll.": "collection", "trad.": "traduction",
    "dir.": "direction", "réf.": "référence",
    "Réf.": "Référence", "tél.": "téléphone", "Tél.": "Téléphone", "tel.": "téléphone", "Tel.": "Téléphone",
    "hab.": "habitants", "vs": "versus", "vs.": "versus",
    "id.": "idem", "ibid.": "ibidem", "op. cit.": "opus citatum", "et al.": "et alii", "sq.": "et suivante",
    "sqq.": "et suivantes",
    "s.v.p.": "s'il vous plaît", "S.V.P.": "s'il vous plaît", "svp": "s'il vous plaît", "SVP": "s'il vous plaît",
    "s'il vs plaît": "s'il vous plaît",
    "rdv": "rendez-vous", "RDV": "rendez-vous", "R.-V.": "rendez-vous", "RV": "rendez-vous", "qqch.": "quelque chose",
    "qqch": "quelque chose", "qqn": "quelqu'un", "qqn.": "quelqu'un",
    "qq.": "quelque", "qqs": "quelques", "qqf.": "quelquefois", "bcp": "beaucoup", "tjs": "toujours", "tt": "tout",
    "pb": "problème", "càd.": "c'est-à-dire",
    "N.B.": "nota bene", "NB": "nota bene", "N. B.": "nota bene", "P.-S.": "post-scriptum", "P.S.": "post-scriptum",
    "c/o": "aux bons soins de",
    "bd": "boulevard", "Bd": "boulevard", "bd.": "boulevard", "Bd.": "boulevard", "bld": "boulevard", "Bld": "boulevard",
    "blvd": "boulevard", "Blvd": "boulevard", "boul.": "boulevard", "Boul.": "boulevard",
    "av.": "avenue", "Av.": "avenue", "ave": "avenue", "Ave": "avenue", "pl.": "place", "Pl.": "place", "rte": "route",
    "Rte": "route",
    "imp.": "impasse", "Imp.": "impasse", "all.": "allée", "fg": "faubourg", "Fg": "faubourg", "fbg": "faubourg",
    "Fbg": "faubourg", "chem.": "chemin", "résid.": "résidence", "r.": "rue",
    "bât.": "bâtiment", "Bât.": "bâtiment", "appt": "appartement", "appt.": "appartement", "apt.": "appartement",
    "ét.": "étage", "dép.": "département", "dépt": "département",
    "Cie": "Compagnie", "Cie.": "Compagnie", "Ets": "Établissements", "Éts": "Établissements", "Sté": "Société",
    "univ.": "université", "Univ.": "Université",
    "gouv.": "gouvernement", "resp.": "responsable", "admin.": "administration", "ass.": "association",
    "assoc.": "association", "fac.": "faculté",
    "adj.": "adjectif", "adv.": "adverbe", "subst.": "substantif", "masc.": "masculin", "fém.": "féminin",
    "sing.": "singulier", "plur.": "pluriel",
    "auj.": "aujourd'hui", "suiv.": "suivant", "préc.": "précédent", "obs.": "observation", "rem.": "remarque",
    "inc.": "incorporé", "sup.": "supérieur", "inf.": "inférieur", "suppl.": "supplément",
    "incl.": "inclus", "excl.": "exclu", "nbre": "nombre", "nb": "nombre", "qté": "quantité", "moy.": "moyenne",
    "tps": "temps", "ttes": "toutes", "dept.": "département",
    "jr": "jour", "jrs": "jours", "sem.": "semaine", "trim.": "trimestre", "mens.": "mensuel", "hebdo.": "hebdomadaire",
    "janv.": "janvier", "févr.": "février",
    "fév.": "février", "avr.": "avril", "juil.": "juillet", "sept.": "septembre", "oct.": "octobre", "nov.": "novembre",
    "déc.": "décembre",
    "km/h": "kilomètres par heure", "m/s": "mètres par seconde", "et/ou": "et ou", "C++": "C plus plus", "C#": "C sharp",
    "R&D": "R et D",
    "km": "kilomètres",
    "kg": "kilogrammes", "cm": "centimètres",
    "mm": "millimètres", "kWh": "kilowattheures",
}  # fmt: skip

NUMBERED = {
    "th.": "thermostat",
    "n°": "numéro", "N°": "numéro", "nº": "numéro", "Nº": "numéro", "no": "numéro", "No": "numéro", "no.": "numéro",
    "n°s": "numéros",
    "num.": "numéro", "p.": "page", "pp.": "pages", "pg.": "page", "t.": "tome", "vol.": "volume", "Vol.": "volume",
    "chap.": "chapitre", "Chap.": "chapitre", "ch.": "chapitre", "art.": "article", "Art.": "article", "arts.": "articles",
    "fig.": "figure",
    "Fig.": "figure", "tab.": "tableau", "éq.": "équation", "ex.": "exercice", "l.": "ligne", "v.": "vers", "al.": "alinéa",
    "sect.": "section",
    "ann.": "annexe", "ca": "circa", "ca.": "circa", "km": "kilomètre", "ép.": "épisode", "sc.": "scène", "op.": "opus",
    "vers.": "version",
    "bât.": "bâtiment",
}  # fmt: skip

# What Roman numerals count, in front of them; they are cardinals there.
COUNTED_BY_NUMERALS = word_set(
    "chapitre chapitres tome tomes volume volumes livre livres acte actes scène scènes partie parties section sections "
    "titre titres article articles annexe annexes phase type classe groupe niveau division grade palier planche figure "
    "tableau symphonie vatican apollo numéro page pages note chant canto strophe mark épisode épisodes saison guerre ligue "
    "stade génération catégorie zone corps armée rocky rambo star saturne chap ch t vol art p pp n fig l leçon exercice "
    "problème série lot étage arrondissement"
)
REGNAL_WOMEN = word_set(
    "Élisabeth Elisabeth Elizabeth Catherine Marie Isabelle Christine Marguerite Margaret Béatrice Jeanne Anne Cléopâtre "
    "Victoria Wilhelmine Juliana Constance Mathilde Éléonore"
)
REGNAL_NAMES = REGNAL_WOMEN | word_set(
    "Louis Charles François Henri Philippe Napoléon Jean Paul Pie Benoît Grégoire Clément Léon Innocent Urbain Boniface "
    "Sixte Jules Adrien Pierre Nicolas Alexandre Ivan Frédéric Guillaume Otton Othon Léopold Albert Baudouin Christian "
    "Gustave Édouard Edouard George Georges Richard Jacques Robert Hugues Lothaire Clovis Childebert Childéric Dagobert "
    "Clotaire Thierry Pépin Carloman Ramsès Thoutmosis Aménophis Amenhotep Séthi Ptolémée Darius Xerxès Cyrus Artaxerxès "
    "Antiochos Séleucos Mithridate Alphonse Ferdinand Sanche Pedro Manuel Emmanuel Humbert Joseph Maximilien Rodolphe "
    "Étienne Etienne Béla Sigismond Casimir Auguste Éric Magnus Valdemar Mehmed Mehmet Soliman Sélim Mourad Bajazet Hassan "
    "Mohammed Mohamed Abdallah Abdülhamid Felipe Juan Carlos Rainier Constantin Justinien Théodose Michel Basile Amédée "
    "Raymond Foulques Bohémond Tancrède Roger Conrad Tibère Calixte Eugène Martin Honorius Célestin Sylvestre David Kenneth "
    "Harald Olaf Haakon Oscar Carl Wilhelm Friedrich Franz Alphonso Alfonso Fouad Farouk Idris Hussein Valentinien Ladislas "
    "Mathias Jagellon Bogdan Mircea Ménélik Théodoros Pomaré Kamehameha Moctezuma Nabuchodonosor Assurbanipal Sargon "
    "Salmanazar"
)

# What a number is of that names something, in front of it: no plural is heard in it (page quatre-vingt).
NAMED_BY_NUMBER = word_set(
    "page pages p pp numéro numéros n no nos année années an chapitre article ligne chambre salle bus route verset "
    "paragraphe tome volume psaume figure exercice question quai porte bureau section étape"
)
YEAR_WORDS = word_set(
    "en de depuis avant après vers dès an année jusqu'en jusque à fin début été hiver printemps automne entre et"
)

STARTERS = word_set(
    "Le La Les L Un Une Des Du Au Aux Il Elle Ils Elles On Nous Vous Je J Tu Ce C Cette Ces Cet Ça Cela Mais Et Ou Où Donc "
    "Or Ni Car Si Quand Comme Pour Par Dans Sur Sous Avec Sans Chez En À A Après Avant Depuis Pendant Puis Alors Ainsi "
    "Enfin Ensuite Aussi Même Mon Ma Mes Ton Ta Tes Son Sa Ses Notre Nos Votre Vos Leur Leurs Qui Que Quoi Quel Quelle "
    "Quels Quelles Lorsque Tout Tous Toute Toutes Plus Moins Aujourd Hier Demain Bien Très Trop Peu Pas Non Oui Voici Voilà "
    "Chaque Plusieurs Certains Certaines Quelques Aucun Aucune Rien Personne Cependant Pourtant Toutefois Néanmoins Celui "
    "Celle Ceux Celles D N S Y Était Est Sont Deux Trois"
)
