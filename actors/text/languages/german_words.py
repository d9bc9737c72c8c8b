"""The words of German: units, currencies, names and abbreviations."""

from actors.text.languages.context import word_list, word_set
from actors.text.languages.language import Currency, Noun, Words

WORDS = Words(
    point="Komma",
    minus="minus",
    plus="plus",
    plus_minus="plus minus",
    times="mal",
    by="mal",
    divided="geteilt durch",
    equals="gleich",
    unequal="ungleich",
    about="ungefähr",
    nearly="ungefähr",
    less="kleiner als",
    less_equal="kleiner gleich",
    greater="größer als",
    greater_equal="größer gleich",
    root="Wurzel aus",
    power="hoch",
    squared="hoch zwei",
    cubed="hoch drei",
    to="bis",
    over="durch",
    per="pro",
    of="",
    and_="und",
    percent="Prozent",
    per_mille="Promille",
    section="Paragraf",
    sections="Paragrafen",
    number="Nummer",
    copyright="Copyright",
    at="at",
    dot="Punkt",
    dot_in_version="Punkt",
    slash="Schrägstrich",
    dash="Bindestrich",
    underscore="Unterstrich",
    hashtag="Hashtag",
)


def _same(name: str, gender: str = "n") -> Noun:
    return Noun(name, name, gender)


def _hour(name: str) -> Noun:
    return Noun(f"{name}stunde", f"{name}stunden", "f")


_METRES = {
    "km": "Kilometer", "m": "Meter", "dm": "Dezimeter", "cm": "Zentimeter", "mm": "Millimeter", "µm": "Mikrometer",
    "μm": "Mikrometer", "nm": "Nanometer",
}  # fmt: skip
_LENGTHS = {unit: _same(name, "m") for unit, name in _METRES.items()}
_AREAS = {f"{unit}{mark}": _same(f"Quadrat{name.lower()}", "m") for unit, name in _METRES.items() for mark in "²2"}
_VOLUMES = {f"{unit}{mark}": _same(f"Kubik{name.lower()}", "m") for unit, name in _METRES.items() for mark in "³3"}
_PREFIXES = {"k": "Kilo", "K": "Kilo", "M": "Mega", "G": "Giga", "T": "Tera", "P": "Peta"}
_BYTES = {f"{symbol}B": _same(f"{prefix}byte") for symbol, prefix in _PREFIXES.items()}
_BITS = {f"{symbol}bit": _same(f"{prefix}bit") for symbol, prefix in _PREFIXES.items()}
_RATES = {f"{symbol}bps": _same(f"{prefix}bit pro Sekunde") for symbol, prefix in _PREFIXES.items()}
_WATTS = {f"{symbol}W": _same(f"{prefix}watt") for symbol, prefix in {**_PREFIXES, "m": "Milli"}.items() if symbol not in "KP"}
_WATT_HOURS = {
    f"{symbol}Wh": _hour(f"{prefix}watt") for symbol, prefix in {**_PREFIXES, "m": "Milli"}.items() if symbol not in "KP"
}
_HERTZ = {f"{symbol}Hz": _same(f"{prefix}hertz") for symbol, prefix in _PREFIXES.items() if symbol not in "KP"}
_GRAMS = {"kg": "Kilogramm", "g": "Gramm", "mg": "Milligramm", "µg": "Mikrogramm", "μg": "Mikrogramm", "ng": "Nanogramm"}
_LITRES = {
    "l": "Liter",
    "L": "Liter",
    "ml": "Milliliter",
    "mL": "Milliliter",
    "cl": "Zentiliter",
    "dl": "Deziliter",
    "hl": "Hektoliter",
}
_HOUR, _MINUTE, _SECOND = Noun("Stunde", "Stunden", "f"), Noun("Minute", "Minuten", "f"), Noun("Sekunde", "Sekunden", "f")
_CELSIUS, _FAHRENHEIT = _same("Grad Celsius"), _same("Grad Fahrenheit")

UNITS = {
    **_LENGTHS, **_AREAS, **_VOLUMES, **_BYTES, **_BITS, **_RATES, **_WATTS, **_WATT_HOURS, **_HERTZ,
    **{unit: _same(name) for unit, name in _GRAMS.items()},
    **{unit: _same(name, "m") for unit, name in _LITRES.items()},
    "qm": _same("Quadratmeter", "m"), "qkm": _same("Quadratkilometer", "m"), "cbm": _same("Kubikmeter", "m"),
    "ccm": _same("Kubikzentimeter", "m"), "ha": _same("Hektar"), "sm": Noun("Seemeile", "Seemeilen", "f"),
    "Lj.": Noun("Lichtjahr", "Lichtjahre", "n"), "Ztr.": _same("Zentner", "m"), "Pfd.": _same("Pfund"),
    "t": Noun("Tonne", "Tonnen", "f"), "Kilo": _same("Kilo"), "Kilogramm": _same("Kilogramm"), "Gramm": _same("Gramm"),
    "Liter": _same("Liter", "m"), "Meter": _same("Meter", "m"), "Kilometer": _same("Kilometer", "m"), "Pfund": _same("Pfund"),
    "h": _HOUR, "Std.": _HOUR, "Std": _HOUR, "Stunde": _HOUR, "min": _MINUTE, "Min.": _MINUTE, "Min": _MINUTE, "min.": _MINUTE,
    "Minute": _MINUTE, "s": _SECOND, "Sek.": _SECOND, "sek.": _SECOND, "Sek": _SECOND, "sec": _SECOND, "Sekunde": _SECOND,
    "ms": Noun("Millisekunde", "Millisekunden", "f"), "µs": Noun("Mikrosekunde", "Mikrosekunden", "f"),
    "ns": Noun("Nanosekunde", "Nanosekunden", "f"),
    "Tag": Noun("Tag", "Tage", "m"),
    "Woche": Noun("Woche", "Wochen", "f"), "Monat": Noun("Monat", "Monate", "m"), "Jahr": Noun("Jahr", "Jahre", "n"),
    "TL": _same("Teelöffel", "m"), "EL": _same("Esslöffel", "m"), "Teelöffel": _same("Teelöffel", "m"),
    "Esslöffel": _same("Esslöffel", "m"), "Tasse": Noun("Tasse", "Tassen", "f"), "Pck.": Noun("Packung", "Packungen", "f"),
    "Pkg.": Noun("Packung", "Packungen", "f"), "Stk.": _same("Stück"), "Stck.": _same("Stück"),
    "Dtzd.": _same("Dutzend"), "Pers.": Noun("Person", "Personen", "f"),
    "Fl.": Noun("Flasche", "Flaschen", "f"), "J.": Noun("Jahr", "Jahre", "n"), "Bl.": Noun("Blatt", "Blatt", "n"),
    "°C": _CELSIUS, "° C": _CELSIUS, "ºC": _CELSIUS, "℃": _CELSIUS, "°F": _FAHRENHEIT, "° F": _FAHRENHEIT, "℉": _FAHRENHEIT,
    "°": _same("Grad"), "K": _same("Kelvin"), "Hz": _same("Hertz"), "W": _same("Watt"), "Wh": _hour("Watt"),
    "V": _same("Volt"), "kV": _same("Kilovolt"), "mV": _same("Millivolt"), "A": _same("Ampere"), "mA": _same("Milliampere"),
    "Ah": _hour("Ampere"), "mAh": _hour("Milliampere"), "\u2126": _same("Ohm"), "Ω": _same("Ohm"), "kΩ": _same("Kiloohm"),
    "J": _same("Joule"), "kJ": _same("Kilojoule"), "MJ": _same("Megajoule"), "cal": Noun("Kalorie", "Kalorien", "f"),
    "kcal": Noun("Kilokalorie", "Kilokalorien", "f"), "N": _same("Newton"), "kN": _same("Kilonewton"),
    "Nm": _same("Newtonmeter"),
    "Pa": _same("Pascal"), "hPa": _same("Hektopascal"), "kPa": _same("Kilopascal"), "MPa": _same("Megapascal"),
    "bar": _same("Bar"),
    "mbar": _same("Millibar"), "mmHg": _same("Millimeter Quecksilbersäule"), "PS": Noun("P S", "P S", "n"),
    "dB": _same("Dezibel"),
    "dB(A)": _same("Dezibel"), "px": _same("Pixel"), "MP": _same("Megapixel"), "dpi": Noun("D P I", "D P I", "n"),
    "lm": _same("Lumen"), "lx": _same("Lux"), "mol": _same("Mol"), "mmol": _same("Millimol"),
    "ppm": Noun("P P M", "P P M", "n"),
    "kmh": _same("Kilometer pro Stunde", "m"), "U/min": Noun("Umdrehung pro Minute", "Umdrehungen pro Minute", "f"),
    "l/100 km": _same("Liter auf hundert Kilometer", "m"),
    "kWh/100 km": Noun("Kilowattstunde auf hundert Kilometer", "Kilowattstunden auf hundert Kilometer", "f"),
    "l/100km": _same("Liter auf hundert Kilometer", "m"),
    "m/s²": _same("Meter pro Sekunde zum Quadrat", "m"), "eV": _same("Elektronenvolt"), "mSv": _same("Millisievert"),
    "Sv": _same("Sievert"), "Bq": _same("Becquerel"), "kt": _same("Knoten", "m"), "kn": _same("Knoten", "m"),
    "Zoll": _same("Zoll", "m"),
    "\u2033": _same("Zoll", "m"), "fps": Noun("Bild pro Sekunde", "Bilder pro Sekunde", "n"), "Grad": _same("Grad"),
    "bit": _same("Bit"),
}  # fmt: skip

_CENT = _same("Cent", "m")


def _currency(name: str, minor: Noun = _CENT, gender: str = "m", many: str | None = None) -> Currency:
    return Currency(Noun(name, many or name, gender), minor)


_EURO, _DOLLAR, _YEN = _currency("Euro"), _currency("Dollar"), _currency("Yen")
_US_DOLLAR, _RAPPEN = _currency("US-Dollar"), _same("Rappen", "m")
_POUND = _currency("Pfund", Noun("Penny", "Pence", "m"), "n")
_FRANC = _currency("Franken", _RAPPEN)
_CROWN = {"SEK": "schwedische", "NOK": "norwegische", "DKK": "dänische", "CZK": "tschechische"}
_ROUBLE, _RUPEE = _currency("Rubel", _same("Kopeken", "f")), _currency("Rupie", _same("Paise", "f"), "f", "Rupien")
CURRENCIES = {
    "€": _EURO, "EUR": _EURO, "Euro": _EURO, "$": _DOLLAR, "Dollar": _DOLLAR, "US$": _US_DOLLAR, "USD": _US_DOLLAR, "£": _POUND,
    "GBP": _POUND, "¥": _YEN, "JPY": _YEN, "CHF": _currency("Schweizer Franken", _RAPPEN), "Fr.": _FRANC, "sFr.": _FRANC,
    "SFr.": _FRANC, "Franken": _FRANC, "₽": _ROUBLE, "RUB": _ROUBLE, "₹": _RUPEE, "INR": _RUPEE, "ct": Currency(_CENT, _CENT),
    "Ct.": Currency(_CENT, _CENT), "ct.": Currency(_CENT, _CENT), "¢": Currency(_CENT, _CENT), "Cent": Currency(_CENT, _CENT),
    "US-$": _US_DOLLAR,
    "Pf.": Currency(_same("Pfennig", "m"), _same("Pfennig", "m")), "Pf": Currency(_same("Pfennig", "m"), _same("Pfennig", "m")),
    "öS": _currency("Schilling"),
    "DM": _currency("D-Mark", Noun("Pfennig", "Pfennig", "m"), "f"),
    "D-Mark": _currency("D-Mark", Noun("Pfennig", "Pfennig", "m"), "f"),
    "CNY": _currency("Yuan"), "PLN": _currency("Zloty"), "₺": _currency("Lira", gender="f"),
    "TRY": _currency("Lira", gender="f"),
    "₿": _currency("Bitcoin"), "BTC": _currency("Bitcoin"), "AUD": _currency("australische Dollar"),
    "A$": _currency("australische Dollar"),
    "CAD": _currency("kanadische Dollar"), "C$": _currency("kanadische Dollar"), "R$": _currency("Real", gender="m"),
    "₩": _currency("Won"), "₪": _currency("Schekel"), "₴": _currency("Hrywnja", gender="f"),
    **{code: _currency(f"{name} Krone", _same("Öre", "n"), "f", f"{name} Kronen") for code, name in _CROWN.items()},
}  # fmt: skip

_THOUSAND = Noun("Tausend", "Tausend", "n")
_MILLION, _MILLIARD = Noun("Million", "Millionen", "f"), Noun("Milliarde", "Milliarden", "f")
_BILLION = Noun("Billion", "Billionen", "f")
MAGNITUDES = {
    "Tsd.": _THOUSAND, "Tsd": _THOUSAND, "T": _THOUSAND, "k": _THOUSAND, "Mio.": _MILLION, "Mio": _MILLION, "Mill.": _MILLION,
    "Mrd.": _MILLIARD, "Mrd": _MILLIARD, "Md.": _MILLIARD, "Mia.": _MILLIARD, "Bio.": _BILLION, "Bio": _BILLION,
    "Brd.": Noun("Billiarde", "Billiarden", "f"),
    "Million": _MILLION, "Millionen": Noun("Millionen", "Millionen", "f"), "Milliarde": _MILLIARD,
    "Milliarden": Noun("Milliarden", "Milliarden", "f"), "Billion": _BILLION, "Billionen": Noun("Billionen", "Billionen", "f"),
}  # fmt: skip

MONTH_NAMES = word_list("- Januar Februar März April Mai Juni Juli August September Oktober November Dezember")
MONTHS = {name: number for number, name in enumerate(MONTH_NAMES) if number} | {"Jänner": 1, "Feber": 2}
SHORT_MONTHS = {
    "Jan.": 1, "Jän.": 1, "Feb.": 2, "Febr.": 2, "Mär.": 3, "Mrz.": 3, "Apr.": 4, "Jun.": 6, "Jul.": 7, "Aug.": 8, "Sep.": 9,
    "Sept.": 9, "Okt.": 10, "Nov.": 11, "Dez.": 12, "Jan": 1, "Feb": 2, "Mrz": 3, "Apr": 4, "Jun": 6, "Jul": 7, "Aug": 8,
    "Sep": 9,
    "Sept": 9, "Okt": 10, "Nov": 11, "Dez": 12,
}  # fmt: skip
WEEKDAYS = {
    "Mo": "Montag", "Di": "Dienstag", "Mi": "Mittwoch", "Do": "Donnerstag", "Fr": "Freitag", "Sa": "Samstag", "So": "Sonntag",
}  # fmt: skip

TITLES = {
    "Dr.": "Doktor", "Prof.": "Professor", "Hr.": "Herr", "Hrn.": "Herrn", "Fr.": "Frau", "Frl.": "Fräulein",
    "Dipl.-Ing.": "Diplom-Ingenieur",
    "Dipl.-Kfm.": "Diplom-Kaufmann", "Dipl.-Psych.": "Diplom-Psychologe", "Ing.": "Ingenieur", "Mag.": "Magister",
    "Msgr.": "Monsignore",
    "St.": "Sankt", "Hl.": "Heilige", "hl.": "heilige", "Fam.": "Familie", "Fa.": "Firma", "Inh.": "Inhaber",
    "Gebr.": "Gebrüder", "Gen.": "General", "Maj.": "Major",
    "Hptm.": "Hauptmann", "Mr.": "Mister", "Mrs.": "Missis", "Ms.": "Miss", "Jun.-Prof.": "Juniorprofessor",
    "Dres.": "Doktores", "Priv.-Doz.": "Privatdozent", "Sr.": "Schwester", "Kard.": "Kardinal", "Bgm.": "Bürgermeister",
}  # fmt: skip

NUMBERED = {
    "Nr.": "Nummer", "Nrn.": "Nummern", "S.": "Seite", "Bd.": "Band", "Bde.": "Bände", "Kap.": "Kapitel", "Abb.": "Abbildung",
    "Tab.": "Tabelle",
    "Art.": "Artikel", "Abs.": "Absatz", "Ziff.": "Ziffer", "Anm.": "Anmerkung", "Abschn.": "Abschnitt", "Bl.": "Blatt",
    "Sp.": "Spalte",
    "Z.": "Zeile", "V.": "Vers", "Vers.": "Version", "H.": "Heft", "Jg.": "Jahrgang", "Tel.": "Telefon", "Kl.": "Klasse",
    "Lit.": "Litera", "Fn.": "Fußnote",
    "Rn.": "Randnummer", "Rdnr.": "Randnummer", "Pos.": "Position", "Str.": "Straße", "Gl.": "Gleis", "Whg.": "Wohnung",
    "Zi.": "Zimmer", "Bj.": "Baujahr", "Az.": "Aktenzeichen",
    "No.": "Nummer", "Fig.": "Figur", "v": "Version", "v.": "Version", "op.": "Opus", "Op.": "Opus", "Lekt.": "Lektion",
    "PLZ": "Postleitzahl", "Teilnr.": "Teilnummer",
    "Bhf.": "Bahnhof", "Hnr.": "Hausnummer", "Hs.": "Haus", "App.": "Apartment", "Vol.": "Volumen", "Par.": "Paragraf",
    "Ausg.": "Ausgabe", "Fol.": "Folio",
}  # fmt: skip

ABBREVIATIONS = {
    "z. B.": "zum Beispiel", "z. Bsp.": "zum Beispiel", "bspw.": "beispielsweise", "d. h.": "das heißt",
    "u. a.": "unter anderem", "u. ä.": "und ähnliche",
    "u. Ä.": "und Ähnliches", "o. ä.": "oder ähnliche", "o. Ä.": "oder Ähnliches", "usw.": "und so weiter",
    "u. s. w.": "und so weiter", "usf.": "und so fort",
    "etc.": "et cetera", "bzw.": "beziehungsweise", "ca.": "circa", "evtl.": "eventuell", "ggf.": "gegebenenfalls",
    "ggfs.": "gegebenenfalls", "vgl.": "vergleiche",
    "u. v. m.": "und vieles mehr", "uvm.": "und vieles mehr", "u. v. a.": "und viele andere", "u. U.": "unter Umständen",
    "o. g.": "oben genannte",
    "s. o.": "siehe oben", "s. u.": "siehe unten", "v. a.": "vor allem", "z. T.": "zum Teil", "z. Zt.": "zur Zeit",
    "z. Z.": "zur Zeit", "zzt.": "zurzeit",
    "i. d. R.": "in der Regel", "i. A.": "im Auftrag", "i. V.": "in Vertretung", "m. E.": "meines Erachtens",
    "m. W.": "meines Wissens", "i. e. S.": "im engeren Sinne",
    "i. w. S.": "im weiteren Sinne", "i. d. F.": "in der Fassung", "i. S. d.": "im Sinne des", "i. H. v.": "in Höhe von",
    "i. Allg.": "im Allgemeinen",
    "a. D.": "außer Dienst", "d. Gr.": "der Große", "etc. pp.": "et cetera pp", "e. V.": "e V", "n. Chr.": "nach Christus",
    "v. Chr.": "vor Christus", "v. u. Z.": "vor unserer Zeitrechnung",
    "u. Z.": "unserer Zeitrechnung", "n. u. Z.": "nach unserer Zeitrechnung", "a. M.": "am Main", "a. d.": "an der",
    "a. Rh.": "am Rhein", "i. Br.": "im Breisgau", "o. J.": "ohne Jahr",
    "o. O.": "ohne Ort", "u. dgl.": "und dergleichen", "dgl.": "dergleichen", "p. a.": "pro Jahr", "P. S.": "P S",
    "h. c.": "honoris causa", "d. J.": "des Jahres",
    "d. M.": "des Monats", "ü. M.": "über dem Meeresspiegel", "ü. NN": "über Normalnull", "ü. d. M.": "über dem Meer",
    "n. Br.": "nördlicher Breite", "ö. L.": "östlicher Länge",
    "inkl.": "inklusive", "exkl.": "exklusive", "einschl.": "einschließlich", "zzgl.": "zuzüglich", "abzgl.": "abzüglich",
    "max.": "maximal", "mind.": "mindestens",
    "sog.": "sogenannte", "allg.": "allgemein", "bes.": "besonders", "entspr.": "entsprechend", "gem.": "gemäß",
    "insb.": "insbesondere", "insbes.": "insbesondere",
    "jew.": "jeweils", "lt.": "laut", "rd.": "rund", "tägl.": "täglich", "mtl.": "monatlich", "jährl.": "jährlich",
    "stdl.": "stündlich", "wöchentl.": "wöchentlich", "urspr.": "ursprünglich", "versch.": "verschiedene",
    "vorm.": "vormittags",
    "nachm.": "nachmittags", "abds.": "abends", "zus.": "zusammen", "Ggs.": "Gegensatz", "Bhf.": "Bahnhof",
    "Hbf.": "Hauptbahnhof", "Hbf": "Hauptbahnhof", "Pl.": "Platz", "Str.": "Straße",
    "Tel.": "Telefon", "Tel.-Nr.": "Telefonnummer", "Telefonnr.": "Telefonnummer", "Hausnr.": "Hausnummer", "Kto.": "Konto",
    "Kto.-Nr.": "Kontonummer", "geb.": "geboren", "gest.": "gestorben", "verh.": "verheiratet", "gegr.": "gegründet",
    "Hrsg.": "Herausgeber", "hrsg.": "herausgegeben", "Verf.": "Verfasser", "Aufl.": "Auflage", "Jh.": "Jahrhundert",
    "Jhd.": "Jahrhundert", "Jhdt.": "Jahrhundert",
    "Jahrh.": "Jahrhundert", "MwSt.": "Mehrwertsteuer", "MwSt": "Mehrwertsteuer", "Mwst.": "Mehrwertsteuer",
    "USt.": "Umsatzsteuer", "Abt.": "Abteilung", "Abs.": "Absender", "Adr.": "Adresse", "Anm.": "Anmerkung",
    "Abb.": "Abbildung", "Art.": "Artikel", "Kap.": "Kapitel", "Nr.": "Nummer", "Std.": "Stunden", "Min.": "Minuten",
    "Sek.": "Sekunden", "St.": "Sankt",
    "dt.": "deutsch", "engl.": "englisch", "frz.": "französisch", "franz.": "französisch", "ital.": "italienisch",
    "span.": "spanisch", "lat.": "lateinisch",
    "griech.": "griechisch", "röm.": "römisch", "russ.": "russisch", "österr.": "österreichisch", "schweiz.": "schweizerisch",
    "amerik.": "amerikanisch", "ev.": "evangelisch", "kath.": "katholisch", "bayr.": "bayerisch",
    "Mitgl.": "Mitglied", "Ausg.": "Ausgabe", "Bsp.": "Beispiel", "Def.": "Definition", "Dez.": "Dezember", "Okt.": "Oktober",
    "Febr.": "Februar", "Sept.": "September",
    "Ndr.": "Neudruck", "Red.": "Redaktion", "Reg.": "Regierung", "resp.": "respektive", "sen.": "senior", "jun.": "junior",
    "jr.": "junior", "Jr.": "Junior",
    "stellv.": "stellvertretende", "Vors.": "Vorsitzender", "techn.": "technisch", "Univ.": "Universität",
    "Uni.": "Universität", "unverb.": "unverbindlich", "verm.": "vermutlich", "vs.": "versus", "wg.": "wegen",
    "zw.": "zwischen", "zit.": "zitiert",
    "Stk.": "Stück", "Ztg.": "Zeitung", "Zs.": "Zeitschrift", "tlw.": "teilweise", "vllt.": "vielleicht",
    "eigtl.": "eigentlich", "erw.": "erweitert", "ehem.": "ehemalige", "Einw.": "Einwohner", "Ew.": "Einwohner",
    "od.": "oder", "u.": "und", "m. a. W.": "mit anderen Worten", "n. a.": "nicht anwendbar", "g. U.": "g U",
    "o. B.": "ohne Befund", "u. z.": "und zwar", "i. Ü.": "im Übrigen", "f. d. R.": "für die Richtigkeit",
    "i. R.": "im Ruhestand", "z. Hd.": "zu Händen", "z. H.": "zu Händen", "c/o": "care of", "a. a. O.": "am angegebenen Ort",
    "ebd.": "ebenda", "et al.": "et alii", "ff.": "folgende", "Geb.": "Geburtstag", "Mo.": "Montag", "Di.": "Dienstag",
    "Do.": "Donnerstag", "Sa.": "Samstag", "s.": "siehe", "bez.": "bezüglich", "betr.": "betreffend", "Betr.": "Betreff",
    "Bem.": "Bemerkung", "Bearb.": "Bearbeiter", "Dipl.": "Diplom", "Ges.": "Gesellschaft", "Kfm.": "Kaufmann",
    "med.": "der Medizin", "phil.": "der Philosophie", "jur.": "der Rechte", "rer. nat.": "rerum naturalium",
    "Gde.": "Gemeinde", "Krs.": "Kreis", "Lkr.": "Landkreis", "nördl.": "nördlich", "südl.": "südlich", "westl.": "westlich",
    "östl.": "östlich", "ausschl.": "ausschließlich", "ausg.": "ausgenommen", "gleichz.": "gleichzeitig",
    "gesch.": "geschieden", "led.": "ledig", "verw.": "verwitwet", "Tsd.": "Tausend", "Mio.": "Millionen",
    "Mrd.": "Milliarden", "Temp.": "Temperatur", "Anl.": "Anlage", "u. E.": "unseres Erachtens", "d. i.": "das ist",
    "sr.": "senior",
}  # fmt: skip

STARTERS = word_set(
    "Der Die Das Den Dem Des Ein Eine Einen Einem Einer Eines Es Er Sie Wir Ich Ihr Du Man Dies Diese Dieser "
    "Dieses Diesen Diesem Jene Jeder Jede Jedes Alle Alles Viele Manche Einige Kein Keine Mein Meine Meinem Dein "
    "Deine Sein Seine Seinem Seinen Seiner Ihre Ihrem Ihren Unser Unsere Euer Eure Dann Danach Davor Dabei Dadurch "
    "Dafür Dagegen Daher Damit Daneben Daraufhin Darauf Darin Darum Darüber Davon Dazu Doch Dort Da Hier Heute "
    "Gestern Morgen Jetzt Nun Nur Noch Schon Bald Später Früher Inzwischen Seitdem Trotzdem Deshalb Deswegen "
    "Außerdem Allerdings Auch Aber Und Oder Denn Sondern Weil Wenn Als Ob Dass Obwohl Während Bevor Nachdem Falls "
    "Sobald Solange In Im Am An Auf Aus Bei Beim Bis Durch Für Gegen Ohne Um Mit Nach Von Vom Vor Zu Zum Zur Unter "
    "Über Zwischen Hinter Neben Seit Ab Wegen Trotz Laut Was Wer Wie Wo Wann Warum Wieso Weshalb Welche Welcher "
    "Welches Wohin Woher Wem Wen Ja Nein Bitte Danke So Sonst Sogar Somit Sowohl Vielleicht Natürlich Leider "
    "Zunächst Zuerst Schließlich Endlich Plötzlich Manchmal Oft Immer Nie Niemand Jemand Etwas Nichts Beide Andere "
    "Anschließend Zudem Dennoch Jedoch Insgesamt Zwar Weitere Weiter Kurz Gleich Sehr Mehr Weniger Ist Sind War "
    "Waren Hat Haben Kann Können Wird Werden Gibt Kommt Kommen Zwei Drei Vier Damals Hast Bist Willst Möchten "
    "Haben Kannst Könnt Lass Lasst Komm Geh Nimm Nehmen Siehe Erst Ebenso Ferner Daran Hoffentlich Gut Gern Ihm "
    "Ihn Ihnen Mich Mir Dich Dir Uns Euch Dessen Deren Obgleich Sofern Soweit Statt Anstatt Innerhalb Außerhalb "
    "Entlang Gegenüber Ansonsten Andernfalls Abends Morgens Mittags Nachts"
)

REGNAL_NAMES = word_set(
    "Adolf Albert Albrecht Alexander Alexios Alfons Alfred Amadeus Anton Artaxerxes August Balduin Benedikt "
    "Bernhard Bonifatius Boris Christian Claudius Clemens Coelestin Cölestin Constantin Darius David Eduard Edward "
    "Erich Ernst Eugen Felipe Ferdinand Franz Franziskus Friedrich Georg George Gregor Gustav Haakon Hadrian "
    "Harald Heinrich Henry Honorius Hugo Innozenz Iwan Ivan Jakob James Johann Johannes Josef Joseph Juan Julius "
    "Justinian Kamehameha Karl Carl Carlos Kasimir Knut Konrad Konstantin Konstans Leo Leopold Lothar Louis Ludwig "
    "Magnus Manuel Margrethe Martin Matthias Maximilian Mehmed Michael Mohammed Moritz Murad Napoleon Nikolaus "
    "Olaf Oskar Ottokar Otto Paul Peter Pedro Philipp Pius Ptolemäus Ramses Richard Robert Rudolf Rainier Salomon "
    "Sancho Selim Sigismund Sixtus Stephan Sultan Süleyman Thutmosis Urban Viktor Vittorio Waldemar Wenzel Wilhelm "
    "Willem William Wladislaw Xerxes Amenophis Abdul Hassan Hussein Elisabeth Elizabeth Katharina Maria Margarethe "
    "Margarete Anna Isabella Christina Kleopatra Beatrix Johanna Viktoria Mary Charles Kaiser Zar Barbarossa "
    "Umberto Emanuel"
)
QUEENS = word_set(
    "Elisabeth Elizabeth Katharina Maria Margarethe Margarete Margrethe Anna Isabella Christina Kleopatra Beatrix "
    "Johanna Viktoria Mary"
)
RULERS = word_set(
    "könig königin kaiser kaiserin papst zar zarin prinz prinzessin herzog herzogin graf gräfin fürst fürstin "
    "sultan großherzog kurfürst kronprinz erzherzog pharao sankt kaisers königs papstes zaren fürsten grafen "
    "prinzen herzogs bischof erzbischof patriarch landgraf markgraf schah"
)
# What Roman numerals stand behind as plain numbers.
COUNTED_BY_NUMERALS = word_set(
    "kapitel teil band akt szene buch artikel anhang abschnitt klasse stufe typ phase gruppe liga hartz folge "
    "staffel episode stück satz serie anlage tafel runde level version modell mark ebene lektion heft ziffer grad "
    "kategorie schicht division rocky rambo wars apollo blatt bezirk weltkrieg agenda sgb titel figur abbildung "
    "block abteilung korps quartal sure vatikanum modul fall"
)

MASCULINE = word_list(
    "mai januar februar märz april juni juli august september oktober november dezember jänner montag dienstag "
    "mittwoch donnerstag freitag samstag sonnabend sonntag tag monat abend morgen mittag vormittag nachmittag "
    "krieg platz rang stock gang band teil abschnitt absatz satz versuch akt punkt schritt sieg spieltag "
    "geburtstag bezirk wahlgang durchgang lauf sieger spieler gast besucher kunde euro cent dollar franken meter "
    "liter kilometer zentimeter millimeter film roman brief stuhl tisch apfel hund baum mann mensch freund bruder "
    "sohn vater junge arzt lehrer schüler student wagen bus zug flug weg ort raum saal turm turnus rücktritt könig "
    "kaiser präsident kanzler minister papst versuch anlauf jahrestag hochzeitstag todestag advent feiertag "
    "werktag wochentag löffel teelöffel esslöffel becher zentner knoten zoll klick preis gewinn verlust fall "
    "unfall grund kandidat titel pokal fc sc sv experte kollege name zeuge gedanke löwe hase affe erbe kunde neffe "
    "pole franzose russe chinese grieche biologe psychologe buchstabe glaube friede vorsitzende vorsitzender "
    "stellvertreter bürger deutsche tote verletzte patient treffer fehler aufsatz jahrgang artikel eintrag beitrag "
    "kommentar vortrag text test termin auftrag antrag vertrag stern stein berg fluss see wald schuss stich schlag "
    "tropfen prozentpunkt quadratmeter kubikmeter hektar kurs kreis kilometerstein rekord weltrekord marathon "
    "lebensmonat lebensabend aufguss umzug einsatz"
)
FEMININE = word_list(
    "stunde minute sekunde woche million milliarde billion klasse seite person frau mutter tochter schwester "
    "freundin königin kaiserin liga bundesliga halbzeit hand hälfte runde etappe auflage ausgabe folge staffel "
    "sinfonie symphonie generation ebene stufe reihe gruppe chance frage antwort nachricht mail stelle strophe "
    "zeile nummer lektion übung lesung sitzung instanz welle dosis impfung etage armee division kammer republik "
    "partei wahl stimme tasse dose flasche packung prise scheibe tonne mark krone woche nacht karte fahrt reise "
    "stadt straße linie klausel art ursache schicht phase meldung anfrage hochzeit ehe kerze kopie datei zahl "
    "ziffer million uhr idee lösung sache tür wohnung minute gala mannschaft medaille goldmedaille niederlage "
    "saison spielminute dimension potenz wurzel strafe kategorie versammlung olympiade schwangerschaftswoche "
    "kalenderwoche bank aufgabe adresse app bar bewertung bombe brücke burg firma figur insel kirche kuh maus maß "
    "nase pizza rate rolle schule serie sprache tafel tablette tafel tonne torte version ware zitrone zwiebel zehe "
    "knoblauchzehe wand zutat macht bahn"
)
NEUTER = word_list(
    "jahrhundert jahrtausend jahrzehnt jahr mal kind quartal kapitel stück haus auto bild buch lied spiel tor "
    "viertel drittel prozent grad gramm kilogramm kilo pfund semester schuljahr lebensjahr halbjahr trimester "
    "geschoss obergeschoss untergeschoss stockwerk gebot regiment bataillon korps zimmer bett bier glas wasser ei "
    "brot fest treffen konzert tier pferd album foto video gesetz amt wort zeichen ticket bit byte gigabyte "
    "megabyte watt volt paar dutzend abenteuer glied ziel opfer rad reich finale halbfinale achtelfinale "
    "viertelfinale mitglied mädchen produkt projekt semester studium thema tor turnier unternehmen urteil "
    "vatikanum konzil wochenende zeitalter staatsexamen examen date match set update blatt dorf land licht "
    "programm schiff system werk öl salz gleis heft fach feld"
)
GENDERS = {
    "og": "n", "ug": "n", "eg": "n",
    "aufl": "f", "jh": "n", "jhd": "n", "jhdt": "n", "bd": "m", "kl": "f", "kap": "n", "abschn": "m", "abt": "f", "okt": "m",
    "dez": "m",
    **dict.fromkeys(MASCULINE, "m"), **dict.fromkeys(FEMININE, "f"), **dict.fromkeys(NEUTER, "n"),
}  # fmt: skip
GENDER_ENDINGS = {
    "ung": "f", "heit": "f", "keit": "f", "schaft": "f", "tion": "f", "sion": "f", "tät": "f", "ik": "f", "enz": "f",
    "anz": "f", "ei": "f", "in": "f",
    "chen": "n", "lein": "n", "ment": "n", "um": "n", "nis": "n", "ling": "m", "ismus": "m", "er": "m", "or": "m", "ist": "m",
    "e": "f",
}  # fmt: skip
COUNTED = word_set(
    "menschen einwohner einwohnern besucher besuchern zuschauer zuschauern teilnehmer teilnehmern personen leute "
    "mitarbeiter mitarbeitern kinder kindern schüler studenten studierende soldaten jahre jahren tage tagen "
    "stunden minuten meilen stück exemplare seiten wörter zeichen fans gäste gästen kilometer kilometern kalorien "
    "arbeitsplätze stellen wohnungen häuser autos fälle tote todesopfer verletzte patienten mitglieder mitgliedern "
    "zimmer sitzplätze sitze plätze"
)
# Ends of what is counted, so that four digits before it are no year: they end no name of an office.
COUNTED_ENDINGS = (
    "innen", "leute", "plätze", "plätzen", "arbeiter", "arbeitern", "angestellte", "angestellten", "beschäftigte",
    "beschäftigten", "studenten", "schüler", "zuschauer", "besucher", "bewohner", "haushalte", "haushalten", "stimmen",
    "wohnungen", "bücher", "bäume", "pflanzen", "tiere", "arten", "läufer", "betriebe", "unternehmen", "firmen", "fotos",
    "flüchtlinge", "meter", "metern", "gegenstände", "gemälde", "objekte", "tonnen", "pferde", "kühe", "schafe", "schritte",
    "punkte", "punkten", "eier", "flaschen", "pakete", "anrufe", "nachrichten", "bewerbungen", "anfragen", "einsätze", "kräfte",
    "helfer", "polizisten", "opfer", "kalorien", "sekunden", "wochen", "monate", "bürger", "gebäude", "fahrzeuge", "geräte",
    "räder", "karten", "euro", "dollar", "häftlinge", "gefangene", "anhänger", "demonstranten", "verletzte", "tote",
    "kollegen", "brote", "brötchen", "artikel", "einträge", "hektar", "gramm", "kilo", "liter", "stufen", "sorten",
)  # fmt: skip
# Adjectives that are written short: their endings are as those of ordinals.
SHORT_ADJECTIVES = {
    "sog.": "sogenannt", "ehem.": "ehemalig", "stellv.": "stellvertretend", "dt.": "deutsch", "engl.": "englisch",
    "frz.": "französisch",
    "franz.": "französisch", "ital.": "italienisch", "span.": "spanisch", "griech.": "griechisch", "röm.": "römisch",
    "russ.": "russisch",
    "österr.": "österreichisch", "ev.": "evangelisch", "kath.": "katholisch", "allg.": "allgemein",
}  # fmt: skip
