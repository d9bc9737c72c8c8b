"""The words of Dutch: units, currencies, names and abbreviations."""

from actors.text.languages.context import word_list, word_set
from actors.text.languages.language import Currency, Noun, Words, same

WORDS = Words(
    point="komma",
    minus="min",
    plus="plus",
    plus_minus="plus min",
    times="keer",
    by="bij",
    divided="gedeeld door",
    equals="is",
    unequal="is niet gelijk aan",
    about="ongeveer",
    nearly="ongeveer",
    less="kleiner dan",
    less_equal="kleiner dan of gelijk aan",
    greater="groter dan",
    greater_equal="groter dan of gelijk aan",
    root="wortel",
    power="tot de macht",
    squared="kwadraat",
    cubed="tot de derde",
    to="tot",
    over="op",
    per="per",
    of="",
    and_="en",
    percent="procent",
    per_mille="promille",
    section="paragraaf",
    sections="paragrafen",
    number="nummer",
    copyright="copyright",
    at="apenstaartje",
    dot="punt",
    dot_in_version="punt",
    slash="slash",
    dash="streepje",
    underscore="underscore",
    hashtag="hashtag",
)


_METRES = {
    "km": "kilometer", "m": "meter", "dm": "decimeter", "cm": "centimeter", "mm": "millimeter", "µm": "micrometer",
    "μm": "micrometer", "nm": "nanometer",
}  # fmt: skip
_LENGTHS = {unit: same(name) for unit, name in _METRES.items()}
_AREAS = {f"{unit}{mark}": same(f"vierkante {name}") for unit, name in _METRES.items() for mark in "²2"}
_VOLUMES = {f"{unit}{mark}": same(f"kubieke {name}") for unit, name in _METRES.items() for mark in "³3"}
_PREFIXES = {"k": "kilo", "K": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta"}
_SMALL = {symbol: prefix for symbol, prefix in {**_PREFIXES, "m": "milli"}.items() if symbol not in "KP"}
_BYTES = {f"{symbol}B": same(f"{prefix}byte") for symbol, prefix in _PREFIXES.items()}
_BITS = {f"{symbol}{bit}": same(f"{prefix}bit") for symbol, prefix in _PREFIXES.items() for bit in ("bit", "b")}
_RATES = {f"{symbol}bps": same(f"{prefix}bit per seconde") for symbol, prefix in _PREFIXES.items()}
_WATTS = {f"{symbol}W": same(f"{prefix}watt") for symbol, prefix in _SMALL.items()}
_WATT_HOURS = {f"{symbol}Wh": same(f"{prefix}wattuur", "n") for symbol, prefix in _SMALL.items()}
_HERTZ = {f"{symbol}Hz": same(f"{prefix}hertz") for symbol, prefix in _SMALL.items()}
_GRAMS = {"kg": "kilo", "g": "gram", "gr": "gram", "mg": "milligram", "µg": "microgram", "μg": "microgram", "mcg": "microgram"}
_LITRES = {
    "l": "liter", "L": "liter", "ml": "milliliter", "mL": "milliliter", "cl": "centiliter", "dl": "deciliter",
    "hl": "hectoliter",
}  # fmt: skip
_HOUR, _MINUTE, _SECOND = same("uur", "n"), Noun("minuut", "minuten"), Noun("seconde", "seconden")
_CELSIUS, _FAHRENHEIT = Noun("graad Celsius", "graden Celsius"), Noun("graad Fahrenheit", "graden Fahrenheit")

UNITS = {
    **_LENGTHS, **_AREAS, **_VOLUMES, **_BYTES, **_BITS, **_RATES, **_WATTS, **_WATT_HOURS, **_HERTZ,
    **{unit: same(name) for unit, name in (_GRAMS | _LITRES).items()},
    "ha": same("hectare"), "ton": same("ton"), "kilo": same("kilo"), "gram": same("gram"), "liter": same("liter"),
    "meter": same("meter"), "kilometer": same("kilometer"), "uur": _HOUR, "u": _HOUR, "h": _HOUR, "min": _MINUTE,
    "min.": _MINUTE,
    "minuut": _MINUTE, "s": _SECOND, "sec": _SECOND, "sec.": _SECOND, "seconde": _SECOND,
    "ms": Noun("milliseconde", "milliseconden"),
    "µs": Noun("microseconde", "microseconden"), "ns": Noun("nanoseconde", "nanoseconden"), "jaar": same("jaar", "n"),
    "dag": Noun("dag", "dagen"), "week": Noun("week", "weken"), "maand": Noun("maand", "maanden"), "jr.": same("jaar", "n"),
    "el": Noun("eetlepel", "eetlepels"), "tl": Noun("theelepel", "theelepels"), "eetlepel": Noun("eetlepel", "eetlepels"),
    "theelepel": Noun("theelepel", "theelepels"), "kopje": Noun("kopje", "kopjes", "n"), "pond": same("pond", "n"),
    "ons": same("ons", "n"),
    "st.": Noun("stuk", "stuks", "n"), "pers.": Noun("persoon", "personen"), "pp": Noun("persoon", "personen"),
    "°C": _CELSIUS, "° C": _CELSIUS, "ºC": _CELSIUS, "℃": _CELSIUS, "°F": _FAHRENHEIT, "° F": _FAHRENHEIT, "℉": _FAHRENHEIT,
    "°": Noun("graad", "graden"), "K": same("kelvin"), "Hz": same("hertz"), "W": same("watt"), "Wh": same("wattuur", "n"),
    "Wp": same("wattpiek"), "V": same("volt"), "kV": same("kilovolt"), "mV": same("millivolt"), "A": same("ampère"),
    "mA": same("milliampère"), "Ah": same("ampère-uur", "n"), "mAh": same("milliampère-uur", "n"), "\u2126": same("ohm"),
    "Ω": same("ohm"),
    "kΩ": same("kilo-ohm"), "J": same("joule"), "kJ": same("kilojoule"), "MJ": same("megajoule"),
    "cal": Noun("calorie", "calorieën"),
    "kcal": Noun("kilocalorie", "kilocalorieën"), "N": same("newton"), "kN": same("kilonewton"), "Nm": same("newtonmeter"),
    "Pa": same("pascal"), "hPa": same("hectopascal"), "kPa": same("kilopascal"), "MPa": same("megapascal"),
    "bar": same("bar"),
    "mbar": same("millibar"), "mmHg": same("millimeter kwik"), "pk": same("pk"), "dB": same("decibel"),
    "dB(A)": same("decibel"),
    "px": Noun("pixel", "pixels"), "MP": Noun("megapixel", "megapixels"), "dpi": same("d p i"), "lm": same("lumen"),
    "lx": same("lux"),
    "mol": same("mol"), "mmol": same("millimol"), "ppm": same("p p m"), "bpm": Noun("slag per minuut", "slagen per minuut"),
    "tpm": Noun("toer per minuut", "toeren per minuut"), "rpm": Noun("toer per minuut", "toeren per minuut"),
    "kmh": same("kilometer per uur"), "km/u": same("kilometer per uur"), "km/uur": same("kilometer per uur"),
    "m/s²": same("meter per seconde kwadraat"), "l/100 km": same("liter op honderd kilometer"),
    "l/100km": same("liter op honderd kilometer"), "eV": same("elektronvolt"), "mSv": same("millisievert"),
    "kn": Noun("knoop", "knopen"),
    "\u2033": same("inch"), "inch": same("inch"), "fps": Noun("beeld per seconde", "beelden per seconde"),
    "graad": Noun("graad", "graden"),
}  # fmt: skip

_CENT = same("cent")


def _currency(name: str, minor: Noun = _CENT) -> Currency:
    return Currency(same(name), minor)


_EURO, _DOLLAR, _YEN, _POUND = _currency("euro"), _currency("dollar"), _currency("yen"), _currency("pond", same("penny"))
_FRANC, _CENTS, _ORE = _currency("Zwitserse frank", Noun("rappen", "rappen")), Currency(_CENT, _CENT), same("öre")
CURRENCIES = {
    "€": _EURO, "EUR": _EURO, "euro": _EURO, "Euro": _EURO, "$": _DOLLAR, "dollar": _DOLLAR,
    "US$": _currency("Amerikaanse dollar"),
    "USD": _currency("Amerikaanse dollar"), "£": _POUND, "GBP": _currency("Britse pond", same("penny")), "pond": _POUND,
    "¥": _YEN,
    "JPY": _YEN, "CHF": _FRANC, "cent": _CENTS, "ct": _CENTS, "ct.": _CENTS, "¢": _CENTS, "ƒ": _currency("gulden"),
    "fl.": _currency("gulden"),
    "₽": _currency("roebel", Noun("kopeke", "kopeken")), "RUB": _currency("roebel", Noun("kopeke", "kopeken")),
    "₹": _currency("roepie"),
    "INR": _currency("roepie"), "CNY": _currency("yuan"), "PLN": _currency("zloty"), "₺": _currency("lira"),
    "TRY": _currency("lira"),
    "₿": _currency("bitcoin"), "BTC": _currency("bitcoin"), "AUD": _currency("Australische dollar"),
    "CAD": _currency("Canadese dollar"),
    "A$": _currency("Australische dollar"), "C$": _currency("Canadese dollar"), "R$": _currency("Braziliaanse real"),
    "SEK": Currency(Noun("Zweedse kroon", "Zweedse kronen"), _ORE),
    "NOK": Currency(Noun("Noorse kroon", "Noorse kronen"), _ORE),
    "DKK": Currency(Noun("Deense kroon", "Deense kronen"), _ORE), "₩": _currency("won"), "₪": _currency("sjekel"),
    "ANG": _currency("gulden"),
}  # fmt: skip

_THOUSAND, _MILLION, _MILLIARD, _BILLION = (
    same("duizend", "n"),
    same("miljoen", "n"),
    same("miljard", "n"),
    same("biljoen", "n"),
)
MAGNITUDES = {
    "k": _THOUSAND, "dzd.": _THOUSAND, "mln": _MILLION, "mln.": _MILLION, "mio": _MILLION, "mio.": _MILLION,
    "miljoen": _MILLION, "M": _MILLION,
    "mld": _MILLIARD, "mld.": _MILLIARD, "mrd": _MILLIARD, "mrd.": _MILLIARD, "miljard": _MILLIARD, "bln": _BILLION,
    "bln.": _BILLION,
    "biljoen": _BILLION,
}  # fmt: skip

MONTH_NAMES = word_list("- januari februari maart april mei juni juli augustus september oktober november december")
MONTHS = {name: number for number, name in enumerate(MONTH_NAMES) if number}
SHORT_MONTHS = {
    "jan.": 1, "feb.": 2, "febr.": 2, "mrt.": 3, "apr.": 4, "jun.": 6, "jul.": 7, "aug.": 8, "sep.": 9, "sept.": 9,
    "okt.": 10, "nov.": 11,
    "dec.": 12, "jan": 1, "feb": 2, "mrt": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "okt": 10,
    "nov": 11, "dec": 12,
}  # fmt: skip
WEEKDAYS = {
    "ma": "maandag",
    "di": "dinsdag",
    "wo": "woensdag",
    "do": "donderdag",
    "vr": "vrijdag",
    "za": "zaterdag",
    "zo": "zondag",
}

TITLES = {
    "dhr.": "de heer", "mevr.": "mevrouw", "mw.": "mevrouw", "mej.": "mejuffrouw", "dr.": "dokter", "drs.": "doctorandus",
    "prof.": "professor",
    "ir.": "ingenieur", "ing.": "ingenieur", "mr.": "meester", "ds.": "dominee", "fam.": "familie", "st.": "sint",
    "St.": "Sint",
    "gebr.": "gebroeders", "gen.": "generaal", "kol.": "kolonel", "kap.": "kapitein", "sgt.": "sergeant", "lt.": "luitenant",
    "Z.K.H.": "Zijne Koninklijke Hoogheid",
    "H.K.H.": "Hare Koninklijke Hoogheid", "Z.M.": "Zijne Majesteit", "H.M.": "Hare Majesteit", "zr.": "zuster",
    "br.": "broeder",
    "jhr.": "jonkheer", "jkvr.": "jonkvrouw", "bc.": "bachelor", "kard.": "kardinaal", "wed.": "weduwe",
    "burg.": "burgemeester",
    "Mgr.": "monseigneur", "mgr.": "monseigneur", "fa.": "firma", "Hr.": "heer", "hr.": "heer", "Mrs.": "missis",
    "insp.": "inspecteur",
}  # fmt: skip

NUMBERED = {
    "nr.": "nummer", "nrs.": "nummers", "nr": "nummer", "no.": "nummer", "blz.": "bladzijde", "p.": "pagina",
    "pp.": "pagina's", "pag.": "pagina", "art.": "artikel", "artt.": "artikelen",
    "hfst.": "hoofdstuk", "hfdst.": "hoofdstuk", "H.": "hoofdstuk", "dl.": "deel", "afb.": "afbeelding", "fig.": "figuur",
    "tab.": "tabel", "par.": "paragraaf", "bijl.": "bijlage", "vs.": "vers",
    "afl.": "aflevering", "jrg.": "jaargang", "tel.": "telefoon", "kl.": "klas", "gr.": "groep", "v.": "versie", "v": "versie",
    "rgl.": "regel", "verd.": "verdieping", "aant.": "aantekening", "opg.": "opgave", "oef.": "oefening",
}  # fmt: skip

ABBREVIATIONS = {
    "bijv.": "bijvoorbeeld", "bv.": "bijvoorbeeld", "b.v.": "bijvoorbeeld", "d.w.z.": "dat wil zeggen", "enz.": "enzovoort",
    "etc.": "et cetera", "e.d.": "en dergelijke",
    "o.a.": "onder andere", "o.m.": "onder meer", "m.a.w.": "met andere woorden", "m.b.t.": "met betrekking tot",
    "m.b.v.": "met behulp van", "m.i.v.": "met ingang van",
    "m.u.v.": "met uitzondering van", "t.o.v.": "ten opzichte van", "t.a.v.": "ter attentie van", "t.b.v.": "ten behoeve van",
    "t.g.v.": "ten gevolge van", "t.w.v.": "ter waarde van",
    "t/m": "tot en met", "t.e.m.": "tot en met", "i.p.v.": "in plaats van", "i.v.m.": "in verband met",
    "i.s.m.": "in samenwerking met", "i.t.t.": "in tegenstelling tot", "i.o.": "in opdracht", "i.h.a.": "in het algemeen",
    "i.h.b.": "in het bijzonder", "i.c.": "in casu", "i.o.v.": "in opdracht van", "a.h.w.": "als het ware",
    "a.u.b.": "alstublieft", "s.v.p.": "alstublieft", "a.d.h.v.": "aan de hand van",
    "a.s.": "aanstaande", "j.l.": "jongstleden", "jl.": "jongstleden", "l.l.": "laatstleden", "ca.": "circa", "c.a.": "circa",
    "resp.": "respectievelijk", "excl.": "exclusief", "incl.": "inclusief", "max.": "maximaal", "min.": "minimaal",
    "evt.": "eventueel",
    "event.": "eventueel", "vnl.": "voornamelijk", "m.n.": "met name", "z.s.m.": "zo spoedig mogelijk",
    "z.o.z.": "zie ommezijde", "zgn.": "zogenaamde", "z.g.": "zogenaamde", "zg.": "zogenaamde",
    "n.a.v.": "naar aanleiding van", "n.v.t.": "niet van toepassing",
    "n.m.": "namiddag", "v.m.": "voormiddag", "n.Chr.": "na Christus", "v.Chr.": "voor Christus", "n. Chr.": "na Christus",
    "v. Chr.": "voor Christus", "v.a.": "vanaf", "vgl.": "vergelijk", "p.p.": "per persoon",
    "p.p.p.n.": "per persoon per nacht", "p.m.": "per maand", "p.j.": "per jaar", "p.u.": "per uur",
    "p.w.": "per week", "p.st.": "per stuk", "p/m": "per maand", "p/u": "per uur", "p/d": "per dag", "p/j": "per jaar",
    "p/w": "per week",
    "afm.": "afmetingen", "rek.nr.": "rekeningnummer", "reknr.": "rekeningnummer", "p/p": "per persoon", "p/st": "per stuk",
    "e.a.": "en anderen", "e.v.": "en volgende", "e.e.a.": "een en ander", "o.l.v.": "onder leiding van",
    "o.i.d.": "of iets dergelijks", "o.b.v.": "op basis van", "o.g.v.": "op grond van",
    "o.t.t.": "onvoltooid tegenwoordige tijd",
    "d.d.": "de dato", "dd.": "de dato", "d.m.v.": "door middel van", "geb.": "geboren", "gest.": "gestorven",
    "ovl.": "overleden", "overl.": "overleden", "get.": "getekend", "gem.": "gemiddeld", "gld.": "gulden", "ong.": "ongeveer",
    "ongev.": "ongeveer", "t.z.t.": "te zijner tijd",
    "t.h.v.": "ter hoogte van", "v.d.": "van de", "v.h.": "van het", "v.w.b.": "voor wat betreft", "w.o.": "waaronder",
    "w.v.t.t.k.": "wat verder ter tafel komt", "b.g.g.": "bij geen gehoor", "o.v.v.": "onder vermelding van",
    "q.q.": "qualitate qua", "r.k.": "rooms-katholiek",
    "red.": "redactie", "sr.": "senior", "jr.": "junior", "tel.": "telefoon", "telnr.": "telefoonnummer",
    "tel.nr.": "telefoonnummer", "nl.": "namelijk", "ned.": "Nederlands", "lat.": "Latijn", "fr.": "Frans", "du.": "Duits",
    "amer.": "Amerikaans", "belg.": "Belgisch",
    "afd.": "afdeling", "adm.": "administratie", "alg.": "algemeen", "afz.": "afzender", "bijl.": "bijlage",
    "blz.": "bladzijde", "br.": "bruto", "cat.": "categorie", "dir.": "directeur", "div.": "diverse", "dgl.": "dergelijke",
    "dl.": "deel", "e.k.": "eerstkomende", "eig.": "eigenlijk", "ev.": "eventueel",
    "hfst.": "hoofdstuk", "id.": "idem", "i.e.": "id est", "i.m.": "in memoriam", "inl.": "inleiding", "inw.": "inwoners",
    "k.k.": "kosten koper", "v.o.n.": "vrij op naam", "lett.": "letterlijk", "mnd.": "maanden", "N.B.": "nota bene",
    "n.b.": "nota bene", "nr.": "nummer", "o.w.": "onder wie",
    "oorspr.": "oorspronkelijk", "opm.": "opmerking", "pnt.": "punten", "P.S.": "P S", "plm.": "plusminus",
    "secr.": "secretaris", "spec.": "speciaal", "s.n.": "sine nomine", "str.": "straat", "t.n.v.": "ten name van",
    "u.s.": "ut supra", "uitg.": "uitgever", "verg.": "vergelijk", "voorz.": "voorzitter",
    "vs.": "versus", "vz.": "voorzitter", "wnd.": "waarnemend", "zn.": "zoon", "z.i.": "zijns inziens",
    "m.i.": "mijns inziens", "m.m.v.": "met medewerking van", "c.q.": "casu quo", "c.s.": "cum suis", "et al.": "et alii",
    "d.i.": "dat is", "i.i.g.": "in ieder geval",
    "m.v.g.": "met vriendelijke groet", "aug.": "augustus", "sept.": "september", "okt.": "oktober", "dec.": "december",
    "febr.": "februari", "jan.": "januari", "v.v.": "vice versa", "vv.": "vice versa", "bc.": "bachelor",
    "h.c.": "honoris causa",
    "t.p.v.": "ter plaatse van", "t.a.p.": "ter aangehaalder plaatse", "v.l.n.r.": "van links naar rechts", "ltd.": "limited",
}  # fmt: skip

STARTERS = word_set(
    "De Het Een Er Ik Jij Je Hij Zij Ze Wij We Jullie U Men Dit Dat Deze Die Dan Daarna Daarom Daardoor Daarvoor "
    "Daarbij Daarmee Daar Hier Toen Nu Nog Ook Maar En Of Want Dus Omdat Als Toch Gisteren Vandaag Morgen Soms "
    "Vaak Altijd Nooit Misschien Natuurlijk Helaas Gelukkig Eerst Later Eindelijk Verder Bovendien Echter In Op "
    "Aan Bij Met Van Voor Na Naar Uit Over Onder Door Tot Om Tegen Zonder Tussen Sinds Tijdens Volgens Vanaf Wie "
    "Wat Waar Wanneer Waarom Hoe Welke Welk Ja Nee Alle Alles Veel Sommige Enkele Geen Mijn Jouw Zijn Haar Ons "
    "Onze Hun Uw Iedereen Niemand Iemand Iets Niets Elke Elk Ieder Iedere Beide Andere Zo Zodra Zolang Terwijl "
    "Hoewel Nadat Voordat Totdat Indien Mits Tenzij Is Was Heb Heeft Hebben Kan Kunnen Wil Willen Moet Moeten Ga "
    "Gaat Kom Komt Zie Kijk Bel Mail Graag Ten Te Twee Drie Meer Minder Zelfs Sindsdien Vervolgens Tenslotte "
    "Uiteindelijk Kortom Immers Trouwens Desondanks Niet Wel Dank Laat Neem Al"
)

REGNAL_NAMES = word_set(
    "Adolf Albert Albrecht Alexander Alfons Amadeus Arnold August Benedictus Boudewijn Bonifatius Christiaan "
    "Claudius Clemens Constantijn Darius David Eduard Edward Elisabeth Elizabeth Ernst Felipe Ferdinand Filips "
    "Floris Frans Frederik Friedrich George Gregorius Gustaaf Gustav Haakon Harald Hendrik Henry Innocentius "
    "Isabella Ivan Jacobus Jan James Johan Johannes Jozef Juan Julius Juliana Karel Catharina Katharina Carel "
    "Charles Karl Constantinus Knoet Koenraad Lamoraal Leo Leopold Lodewijk Lodewijks Louis Ludwig Margaretha "
    "Margrethe Maria Maurits Maximiliaan Mehmet Michaël Mohammed Murat Napoleon Napoléon Nicolaas Olaf Oscar Otto "
    "Paul Paulus Pedro Peter Philips Pius Ptolemaeus Ramses Reinoud Richard Robert Rudolf Selim Sigismund Sixtus "
    "Süleyman Thoetmosis Umberto Urbanus Victor Wenceslaus Wilhelm Willem William Xerxes Emanuel Beatrix Mary "
    "Filip Amenhotep Hadrianus Hassan Abdullah Dirk Jacob Godfried Diederik Alfonso Carlos Christina"
)
# What Roman numerals stand behind as plain numbers.
COUNTED_BY_NUMERALS = word_set(
    "dl hfst bijl afb fig tab "
    "hoofdstuk deel bijlage akte scène boek band artikel klasse fase type groep volume wereldoorlog wo afdeling "
    "figuur tabel aflevering seizoen niveau categorie schaal graad stadium rocky rambo star mark serie titel blok "
    "ronde titel vaticanum sectie paragraaf les onderdeel"
)
# What is said with *het*, so that half of it is *een half*.
NEUTER = word_set(
    "uur jaar kilo pond ons glas stuk dozijn blikje pakje zakje kopje bakje brood liter ei pak blik blok boek bier "
    "kwartier procent punt huis"
) - {"kilo", "liter"}
YEAR_WORDS = word_set("in sinds vanaf tot anno rond jaar begin eind einde medio voor na")
