"""The words of Italian: units, currencies, names and abbreviations."""

from actors.text.languages.context import also_small, word_list, word_set
from actors.text.languages.language import Currency, Noun, Words

WORDS = Words(
    point="virgola", minus="meno", plus="più", plus_minus="più o meno", times="per", by="per", divided="diviso",
    equals="è uguale a", unequal="è diverso da", about="circa", nearly="è circa uguale a", less="è minore di",
    less_equal="è minore o uguale a", greater="è maggiore di", greater_equal="è maggiore o uguale a",
    root="radice quadrata di", power="alla", squared="al quadrato", cubed="al cubo", to="a", over="su", per="al", of="di",
    and_="e", percent="per cento", per_mille="per mille", section="paragrafo",
    sections="paragrafi", number="numero", copyright="copyright", at="chiocciola", dot="punto", dot_in_version="punto",
    slash="barra", dash="trattino", underscore="trattino basso", hashtag="hashtag",
)  # fmt: skip

_ENDINGS = {"o": "i", "a": "e", "e": "i"}


def _noun(name: str, gender: str = "m") -> Noun:
    """Return a noun that has a plural; only its first word changes."""
    first, _, rest = name.partition(" ")
    return Noun(name, f"{first[:-1]}{_ENDINGS[first[-1]]} {rest}".rstrip(), gender)


def _unchanged(name: str, gender: str = "m") -> Noun:
    return Noun(name, name, gender)


_LENGTHS = {
    "km": _noun("chilometro"), "Km": _noun("chilometro"), "m": _noun("metro"), "dm": _noun("decimetro"),
    "cm": _noun("centimetro"), "mm": _noun("millimetro"), "hm": _noun("ettometro"), "ft": _noun("piede"),
}  # fmt: skip


def _of_space(marks: str, name: str) -> dict[str, Noun]:
    """Return the squares or cubes of lengths, by symbol."""
    return {
        f"{symbol}{mark}": Noun(f"{noun.one} {name}o", f"{noun.many} {name}i")
        for symbol, noun in _LENGTHS.items()
        for mark in marks
    }


_PREFIXES = {"K": "kilo", "k": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta"}
_BYTES = {f"{symbol}B": _unchanged(f"{prefix}byte") for symbol, prefix in _PREFIXES.items()}
_BITS = {f"{symbol}{bit}": _unchanged(f"{prefix}bit") for symbol, prefix in _PREFIXES.items() for bit in ("b", "bit")}
_BIT_RATES = {
    f"{symbol}{rate}": _unchanged(f"{prefix}bit al secondo")
    for symbol, prefix in _PREFIXES.items()
    for rate in ("bps", "b/s", "bit/s")
}
_CELSIUS, _FAHRENHEIT = _noun("grado"), _noun("grado Fahrenheit")
_PER_HOUR = Noun("chilometro orario", "chilometri orari")

UNITS = {
    **_LENGTHS, **_of_space("²2", "quadrat"), **_of_space("³3", "cub"), **_BYTES, **_BITS, **_BIT_RATES,
    "mq": Noun("metro quadrato", "metri quadrati"), "kmq": Noun("chilometro quadrato", "chilometri quadrati"),
    "mc": Noun("metro cubo", "metri cubi"), "cc": Noun("centimetro cubo", "centimetri cubi"),
    "cmc": Noun("centimetro cubo", "centimetri cubi"), "km/h": _PER_HOUR, "Km/h": _PER_HOUR, "kmh": _PER_HOUR,
    "km/ora": _PER_HOUR, "km/s": _noun("chilometro al secondo"), "µm": _noun("micrometro"), "μm": _noun("micrometro"),
    "nm": _noun("nanometro"), "kg": _noun("chilo"), "Kg": _noun("chilo"), "hg": _noun("ettogrammo"), "g": _noun("grammo"),
    "gr": _noun("grammo"), "gr.": _noun("grammo"), "mg": _noun("milligrammo"), "µg": _noun("microgrammo"),
    "μg": _noun("microgrammo"), "t": _noun("tonnellata", "f"), "q": _noun("quintale"), "q.li": _noun("quintale"),
    "lb": _noun("libbra", "f"), "oz": Noun("oncia", "once", "f"), "l": _noun("litro"), "L": _noun("litro"),
    "lt": _noun("litro"), "lt.": _noun("litro"), "ml": _noun("millilitro"), "mL": _noun("millilitro"),
    "cl": _noun("centilitro"), "cL": _noun("centilitro"), "dl": _noun("decilitro"), "hl": _noun("ettolitro"),
    "h": _noun("ora", "f"), "hh": _noun("ora", "f"), "min": _noun("minuto"), "min.": _noun("minuto"), "s": _noun("secondo"),
    "sec": _noun("secondo"), "sec.": _noun("secondo"), "ms": _noun("millisecondo"), "µs": _noun("microsecondo"),
    "ns": _noun("nanosecondo"), "gg": Noun("giorno", "giorni"), "gg.": Noun("giorno", "giorni"), "°C": _CELSIUS,
    "° C": _CELSIUS, "ºC": _CELSIUS, "℃": _CELSIUS, "°F": _FAHRENHEIT, "° F": _FAHRENHEIT, "ºF": _FAHRENHEIT,
    "°": _noun("grado"), "º": _noun("grado"), "K": _unchanged("kelvin"), "Hz": _unchanged("hertz"),
    "kHz": _unchanged("kilohertz"), "MHz": _unchanged("megahertz"), "GHz": _unchanged("gigahertz"), "W": _unchanged("watt"),
    "mW": _unchanged("milliwatt"), "kW": _unchanged("kilowatt"), "KW": _unchanged("kilowatt"), "MW": _unchanged("megawatt"),
    "GW": _unchanged("gigawatt"), "TW": _unchanged("terawatt"), "Wh": Noun("wattora", "wattora"),
    "kWh": Noun("chilowattora", "chilowattora"), "KWh": Noun("chilowattora", "chilowattora"),
    "kwh": Noun("chilowattora", "chilowattora"), "MWh": _unchanged("megawattora"), "GWh": _unchanged("gigawattora"),
    "TWh": _unchanged("terawattora"), "V": _unchanged("volt"), "mV": _unchanged("millivolt"), "kV": _unchanged("kilovolt"),
    "mA": _unchanged("milliampere"), "mAh": _unchanged("milliamperora"), "Ah": _unchanged("amperora"), "Ω": _unchanged("ohm"),
    "kΩ": _unchanged("kiloohm"), "J": _unchanged("joule"), "kJ": _unchanged("kilojoule"), "cal": _noun("caloria", "f"),
    "kcal": _noun("chilocaloria", "f"), "Kcal": _noun("chilocaloria", "f"), "kN": _unchanged("kilonewton"),
    "Nm": _unchanged("newton metro"), "Pa": _unchanged("pascal"), "hPa": _unchanged("ettopascal"),
    "kPa": _unchanged("kilopascal"), "MPa": _unchanged("megapascal"), "mbar": _unchanged("millibar"), "bar": _unchanged("bar"),
    "atm": _noun("atmosfera", "f"), "mmHg": Noun("millimetro di mercurio", "millimetri di mercurio"),
    "mph": Noun("miglio all'ora", "miglia all'ora"), "rpm": Noun("giro al minuto", "giri al minuto"),
    "giri/min": Noun("giro al minuto", "giri al minuto"), "ppm": Noun("parte per milione", "parti per milione", "f"),
    "bpm": Noun("battito al minuto", "battiti al minuto"), "dB": _unchanged("decibel"), "px": _unchanged("pixel"),
    "Mpx": _unchanged("megapixel"), "MP": _unchanged("megapixel"), "Mpixel": _unchanged("megapixel"), "CV": _noun("cavallo"),
    "cv": _noun("cavallo"), "lm": _unchanged("lumen"), "lx": _unchanged("lux"), "mol": Noun("mole", "moli", "f"),
    "mmol": Noun("millimole", "millimoli", "f"), "m/s²": Noun("metro al secondo quadrato", "metri al secondo quadrato"),
    "m/s2": Noun("metro al secondo quadrato", "metri al secondo quadrato"),
    "fps": Noun("fotogramma al secondo", "fotogrammi al secondo"), "ab.": _noun("abitante"), "pag.": _noun("pagina", "f"),
    "pagg.": _noun("pagina", "f"), "pp.": _noun("pagina", "f"), "pz": Noun("pezzo", "pezzi"), "pz.": Noun("pezzo",
    "pezzi"), "mt": _noun("metro"), "mt.": _noun("metro"), "kg.": _noun("chilo"), "km.": _noun("chilometro"),
    "cm.": _noun("centimetro"), "loc.": _noun("locale"),
    "cent": _noun("centesimo"), "cent.": _noun("centesimo"), "\u2033": _noun("pollice"), "yd": Noun("iarda", "iarde", "f"),
    "nodi": Noun("nodo", "nodi"), "pt": Noun("punto", "punti"), "pt.": Noun("punto", "punti"),
    "kmq.": Noun("chilometro quadrato", "chilometri quadrati"), "mq.": Noun("metro quadrato", "metri quadrati"),
}  # fmt: skip

# What amounts are for: 5 euros *al chilo*, *all'ora*, *alla settimana*.
FOR_EACH = {
    "ora": "all'ora", "h": "all'ora", "anno": "all'anno", "ettaro": "all'ettaro", "ha": "all'ettaro", "persona": "a persona",
    "pers": "a persona", "settimana": "alla settimana", "notte": "a notte", "tonnellata": "alla tonnellata",
    "t": "alla tonnellata", "etto": "all'etto", "hg": "all'etto", "s": "al secondo", "testa": "a testa", "pezzo": "al pezzo",
    "pz": "al pezzo", "mq": "al metro quadrato", "giorno": "al giorno", "mese": "al mese", "unità": "a unità",
    "bottiglia": "a bottiglia", "partita": "a partita", "oz": "all'oncia", "abitante": "per abitante", "ab": "per abitante",
}  # fmt: skip

_CENT = _noun("centesimo")


def _currency(one: str, many: str, minor: Noun = _CENT, gender: str = "m") -> Currency:
    return Currency(Noun(one, many, gender), minor)


_DOLLAR, _EURO, _YEN = _currency("dollaro", "dollari"), _currency("euro", "euro"), _currency("yen", "yen")
_POUND, _YUAN, _LIRA = (
    _currency("sterlina", "sterline", Noun("penny", "pence"), "f"),
    _currency("yuan", "yuan"),
    _currency("lira", "lire", gender="f"),
)
CURRENCIES = {
    "$": _DOLLAR, "US$": _DOLLAR, "USD": _DOLLAR, "A$": _currency("dollaro australiano", "dollari australiani"),
    "AUD": _currency("dollaro australiano", "dollari australiani"), "C$": _currency("dollaro canadese", "dollari canadesi"),
    "CAD": _currency("dollaro canadese", "dollari canadesi"), "€": _EURO, "EUR": _EURO, "£": _POUND, "GBP": _POUND, "¥": _YEN,
    "JPY": _YEN, "CNY": _YUAN, "RMB": _YUAN, "CHF": _currency("franco svizzero", "franchi svizzeri"),
    "fr.": _currency("franco", "franchi"), "R$": _currency("real", "real"), "BRL": _currency("real", "real"),
    "₹": _currency("rupia", "rupie", gender="f"), "INR": _currency("rupia", "rupie", gender="f"),
    "₽": _currency("rublo", "rubli"), "RUB": _currency("rublo", "rubli"), "₩": _currency("won", "won"), "₺": _LIRA, "₤": _LIRA,
    "₿": _currency("bitcoin", "bitcoin"), "BTC": _currency("bitcoin", "bitcoin"),
    "SEK": _currency("corona svedese", "corone svedesi", gender="f"),
    "DKK": _currency("corona danese", "corone danesi", gender="f"),
    "NOK": _currency("corona norvegese", "corone norvegesi", gender="f"), "PLN": _currency("zloty", "zloty"),
    "¢": Currency(_CENT, _CENT),
}  # fmt: skip

_THOUSAND, _MILLION, _MILLIARD = _unchanged("mila"), Noun("milione", "milioni"), Noun("miliardo", "miliardi")
MAGNITUDES = {
    "k": _THOUSAND, "K": _THOUSAND, "mila": _THOUSAND, "M": _MILLION, "mln": _MILLION, "mln.": _MILLION, "Mln": _MILLION,
    "mld": _MILLIARD, "mld.": _MILLIARD, "Mld": _MILLIARD, "mrd": _MILLIARD, "miliar.": _MILLIARD, "bn": _MILLIARD,
    "Mrd": _MILLIARD,
}  # fmt: skip

_MONTH_NAMES = word_list("gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre")
MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)} | {
    "gen": 1, "genn": 1, "feb": 2, "febb": 2, "mar": 3, "apr": 4, "mag": 5, "magg": 5, "giu": 6, "lug": 7, "lugl": 7, "ago": 8,
    "ag": 8, "set": 9,
    "sett": 9, "ott": 10, "nov": 11, "dic": 12,
}  # fmt: skip
MONTHS |= {f"{name}.": number for name, number in MONTHS.items() if len(name) < 5}
MONTH_NAMES = dict(enumerate(_MONTH_NAMES, 1))

_WEEKDAYS = {
    "lun": "lunedì", "mar": "martedì", "mer": "mercoledì", "gio": "giovedì", "ven": "venerdì", "sab": "sabato",
    "dom": "domenica",
}  # fmt: skip
WEEKDAYS = {
    form: name
    for short, name in _WEEKDAYS.items()
    for form in (f"{short}.", short.capitalize(), f"{short.capitalize()}.", short.upper())
}

# What stands before a name, so that its stop ends no sentence.
TITLES = {
    "Sig.": "signor", "Sig.ra": "signora", "Sig.na": "signorina", "Sigg.": "signori", "Sigg.ri": "signori",
    "Sig.ri": "signori", "sig.ri": "signori", "sig.re": "signore", "Sig.re": "signore", "sig.": "signor", "sig.ra": "signora",
    "sig.na": "signorina", "sigg.": "signori", "Dott.": "dottor", "Dott.ssa": "dottoressa", "Dr.": "dottor",
    "Dr.ssa": "dottoressa", "Dottssa": "dottoressa", "dott.": "dottor", "dott.ssa": "dottoressa", "dr.": "dottor",
    "dr.ssa": "dottoressa", "Dott.sa": "dottoressa", "Dott.ri": "dottori", "Prof.": "professor", "Prof.ssa": "professoressa",
    "prof.": "professor", "prof.ssa": "professoressa", "Proff.": "professori", "proff.": "professori", "Avv.": "avvocato",
    "avv.": "avvocato", "Avv.to": "avvocato", "Ing.": "ingegner", "ing.": "ingegner", "Arch.": "architetto",
    "arch.": "architetto", "Geom.": "geometra", "geom.": "geometra", "Rag.": "ragionier", "rag.": "ragionier",
    "On.": "onorevole", "on.": "onorevole", "Onn.": "onorevoli", "Sen.": "senatore", "sen.": "senatore", "Mons.": "monsignor",
    "mons.": "monsignor", "Rev.": "reverendo", "Card.": "cardinale", "card.": "cardinale", "Gen.": "generale",
    "gen.": "generale", "Col.": "colonnello", "Cap.": "capitano", "Ten.": "tenente", "Magg.": "maggiore",
    "Mar.": "maresciallo", "Brig.": "brigadiere", "Amm.": "ammiraglio", "Cav.": "cavalier", "cav.": "cavalier",
    "Comm.": "commendator", "Cav. Uff.": "cavalier ufficiale", "Uff.": "ufficiale", "Egr.": "egregio", "Egr.i": "egregi",
    "Gent.mo": "gentilissimo", "Gent.ma": "gentilissima", "Gent.le": "gentile", "Gent.mi": "gentilissimi",
    "Gent.li": "gentili",
    "Preg.mo": "pregiatissimo", "Preg.ma": "pregiatissima", "Ill.mo": "illustrissimo", "Ill.ma": "illustrissima",
    "Chiar.mo": "chiarissimo", "Chiar.ma": "chiarissima", "Spett.": "spettabile", "Spett.le": "spettabile",
    "Pres.": "presidente", "Min.": "ministro", "Dir.": "direttore", "Isp.": "ispettore", "Comm.rio": "commissario",
    "S.E.": "sua eccellenza", "S.E.R.": "sua eccellenza reverendissima", "S.M.": "sua maestà", "S.A.R.": "sua altezza reale",
    "SS.": "santi", "Ss.": "santi", "Fr.": "fra", "Mr.": "mister", "Mrs.": "missis", "S.ta": "santa", "S.to": "santo",
    "Str.": "strada", "Vic.": "vicolo", "Loc.": "località", "loc.": "località", "Fraz.": "frazione", "fraz.": "frazione",
    "P.za": "piazza", "P.zza": "piazza", "p.za": "piazza", "p.zza": "piazza", "Pza": "piazza", "P.zale": "piazzale",
    "P.le": "piazzale", "p.le": "piazzale", "V.le": "viale", "v.le": "viale", "C.so": "corso", "c.so": "corso",
    "L.go": "largo", "l.go": "largo", "L.re": "lungotevere", "Lgt.": "lungotevere", "Str.da": "strada", "Staz.": "stazione",
    "staz.": "stazione", "Ist.": "istituto", "P.ta": "porta", "V.lo": "vicolo", "B.go": "borgo", "C.da": "contrada",
    "Cda": "contrada", "L.tevere": "lungotevere", "L.no": "lungarno", "P.tta": "piazzetta", "P.tto": "piazzetto",
    "Pl.": "piazzale",
    "Ass.": "assessore", "Avv.ti": "avvocati", "Cons.": "consigliere", "Sott.": "sottotenente", "Serg.": "sergente",
    "Maresc.": "maresciallo", "Vesc.": "vescovo", "M.o": "maestro", "M.°": "maestro", "Dott.sse": "dottoresse",
    "Segr.": "segretario", "Proc.": "procuratore", "Vicepres.": "vicepresidente",
}  # fmt: skip

# What is read so wherever it stands. A stop at the end may end the sentence too.
ABBREVIATIONS = {
    "ecc.": "eccetera", "etc.": "eccetera", "ecc": "eccetera", "etc": "eccetera", "Ecc.": "eccetera", "es.": "esempio",
    "Es.": "esempio", "ad es.": "ad esempio", "Ad es.": "ad esempio", "p. es.": "per esempio", "p.es.": "per esempio",
    "per es.": "per esempio", "P. es.": "per esempio", "a.C.": "avanti Cristo", "a. C.": "avanti Cristo",
    "a.C": "avanti Cristo", "A.C.": "avanti Cristo", "d.C.": "dopo Cristo", "d. C.": "dopo Cristo", "d.C": "dopo Cristo",
    "D.C.": "dopo Cristo", "av. C.": "avanti Cristo", "a.e.v.": "avanti era volgare", "e.v.": "era volgare",
    "cfr.": "confronta", "Cfr.": "confronta", "cf.": "confronta", "v.": "vedi", "vd.": "vedi", "cit.": "citato",
    "op. cit.": "opera citata", "ibid.": "ibidem", "Ibid.": "ibidem", "et al.": "et al", "i.e.": "cioè", "e.g.": "per esempio",
    "vs.": "versus", "vs": "versus", "ca.": "circa", "c.ca": "circa", "max.": "massimo", "min.": "minimo",
    "tel.": "telefono", "Tel.": "telefono", "cell.": "cellulare", "Cell.": "cellulare", "tel": "telefono", "int.": "interno",
    "ing.re": "ingegnere", "dott.": "dottore", "prof.": "professore", "avv.": "avvocato", "seg.": "seguente",
    "segg.": "seguenti", "sgg.": "seguenti", "ss.": "seguenti", "succ.": "successive", "prec.": "precedente",
    "trad.": "traduzione", "ed.": "edizione", "Ed.": "editore", "Edd.": "editori", "cap.": "capitolo", "pag.": "pagina",
    "pagg.": "pagine", "fig.": "figura", "vol.": "volume", "art.": "articolo", "artt.": "articoli", "sec.": "secolo",
    "secc.": "secoli", "tab.": "tabella", "n.": "numero", "num.": "numero", "c.a.": "circa",
    "alla c.a.": "alla cortese attenzione", "p.c.": "per conoscenza", "p.v.": "prossimo venturo", "c.m.": "corrente mese",
    "u.s.": "ultimo scorso", "c.d.": "cosiddetto", "cd.": "cosiddetto", "a.m.": "a m", "p.m.": "p m", "a. m.": "a m",
    "p. m.": "p m", "S.p.A.": "S P A", "S.p.a.": "S P A", "SpA": "S P A", "Spa": "S P A", "S.r.l.": "S R L", "Srl": "S R L",
    "s.r.l.": "S R L", "s.p.a.": "S P A", "S.n.c.": "S N C", "S.a.s.": "S A S", "s.n.c.": "S N C", "s.a.s.": "S A S",
    "F.lli": "fratelli", "f.lli": "fratelli", "C.ia": "compagnia", "Soc.": "società", "soc.": "società",
    "Coop.": "cooperativa", "Dip.": "dipartimento", "dip.": "dipartimento", "Uff.": "ufficio", "Univ.": "università",
    "Amm.ne": "amministrazione", "amm.ne": "amministrazione", "Dir.": "direzione", "s.l.m.": "sul livello del mare",
    "c/o": "presso", "s.n.": "senza numero", "snc": "senza numero civico", "s.n.c": "senza numero civico", "N.B.": "nota bene",
    "NB": "nota bene", "P.S.": "post scriptum", "PS:": "post scriptum:", "N.d.R.": "nota del redattore",
    "n.d.r.": "nota del redattore", "N.d.T.": "nota del traduttore", "n.d.t.": "nota del traduttore",
    "N.d.A.": "nota dell'autore", "U.S.A.": "U S A", "R.I.P.": "R I P", "p.p.": "per procura", "gg": "giorni", "gg.": "giorni",
    "risp.": "rispettivamente", "tot.": "totale", "Tot.": "totale", "q.b.": "quanto basta", "q. b.": "quanto basta",
    "qb": "quanto basta", "qta": "quantità", "q.tà": "quantità", "agg.": "aggiornato", "all.": "allegato", "All.": "allegato",
    "apr.": "aprile", "dic.": "dicembre", "feb.": "febbraio", "genn.": "gennaio", "sett.": "settembre", "ott.": "ottobre",
    "nov.": "novembre", "lug.": "luglio", "giu.": "giugno", "lett.": "lettera", "on.le": "onorevole", "On.le": "onorevole",
    "cod.": "codice", "Cod.": "codice", "cod. fisc.": "codice fiscale", "C.F.": "codice fiscale", "P. IVA": "partita IVA",
    "P.IVA": "partita IVA", "p.iva": "partita IVA", "p. IVA": "partita IVA", "cod. civ.": "codice civile",
    "c.c.": "codice civile", "c.p.": "codice penale", "c.p.c.": "codice di procedura civile",
    "c.p.p.": "codice di procedura penale", "D.Lgs.": "decreto legislativo", "D. Lgs.": "decreto legislativo",
    "d.lgs.": "decreto legislativo", "d. lgs.": "decreto legislativo", "DLgs": "decreto legislativo", "D.L.": "decreto legge",
    "d.l.": "decreto legge", "D.M.": "decreto ministeriale", "d.m.": "decreto ministeriale", "D.P.R.": "D P R",
    "d.P.R.": "D P R", "D.P.C.M.": "D P C M", "G.U.": "Gazzetta Ufficiale", "L.R.": "legge regionale", "Cass.": "Cassazione",
    "sent.": "sentenza", "sem.": "semestre", "trim.": "trimestre", "L. n.": "legge numero", "conv.": "convertito",
    "km/h": "chilometri orari", "m/s": "metri al secondo", "m²": "metri quadrati", "m³": "metri cubi",
    "km²": "chilometri quadrati", "mq": "metri quadrati", "kWh": "chilowattora", "°C": "gradi", "e/o": "e o",
    "n°": "numero", "nº": "numero", "N°": "numero", "Tel:": "telefono:", "C#": "C sharp", "lui/lei": "lui o lei",
    "il/la": "il o la", "sig./sig.ra": "signor o signora", "C++": "C più più", "dx": "destra", "sx": "sinistra",
    "dx.": "destra", "sx.": "sinistra", "Rep.": "repubblica", "S.S.": "Sua Santità", "SS. Trinità": "Santissima Trinità",
    "S. Sede": "Santa Sede", "M.se": "marchese", "lun.": "lunedì", "mart.": "martedì", "merc.": "mercoledì",
    "giov.": "giovedì", "ven.": "venerdì", "sab.": "sabato", "dom.": "domenica", "pref.": "prefisso", "prov.": "provincia",
    "Prov.": "provincia", "m.t.": "metri", "mitt.": "mittente", "racc.": "raccomandata", "gent.": "gentile",
    "ang.": "angolo", "Lat.": "latitudine", "lat.": "latitudine", "long.": "longitudine", "Vs.": "vostra", "Ns.": "nostra",
    "Cord.": "cordiali", "cord.": "cordiali", "Cost.": "Costituzione", "d.c.r.": "dopo i calci di rigore",
    "d.t.s.": "dopo i tempi supplementari",
    "dcr": "dopo i calci di rigore", "dts": "dopo i tempi supplementari", "rif.": "riferimento", "fatt.": "fattura",
    "eventualm.": "eventualmente", "p.f.": "per favore", "int.no": "interno", "acc.": "acconto", "abb.": "abbonamento",
    "assoc.": "associazione", "bibl.": "biblioteca", "circ.": "circolare",
    "indir.": "indirizzo", "naz.": "nazionale", "reg.": "regionale", "c/c": "conto corrente",
    "c.c.p.": "conto corrente postale", "S.N.C.": "S N C", "tel./fax": "telefono e fax", "a.s.": "anno scolastico",
    "A.S.": "anno scolastico", "a.a.": "anno accademico", "A.A.": "anno accademico",
    "u.c.": "ultimo comma", "par.": "paragrafo", "Mass.": "massimo",
}  # fmt: skip

# What is read so only before a number.
_NUMBERED = {
    "n.": "numero", "n°": "numero", "nº": "numero", "n.°": "numero", "n.º": "numero", "nr.": "numero", "n.ro": "numero",
    "num.": "numero", "nn.": "numeri", "pag.": "pagina", "pagg.": "pagine", "p.": "pagina", "pp.": "pagine", "pg.": "pagina",
    "cap.": "capitolo", "capp.": "capitoli", "vol.": "volume", "voll.": "volumi", "fig.": "figura", "figg.": "figure",
    "art.": "articolo", "artt.": "articoli", "tab.": "tabella", "tav.": "tavola", "sec.": "secolo", "secc.": "secoli",
    "s.": "secolo", "sez.": "sezione", "par.": "paragrafo", "par": "paragrafo", "c.": "comma", "co.": "comma",
    "lett.": "lettera", "tel.": "telefono", "cell.": "cellulare", "op.": "opera", "vv.": "versi", "v.": "verso", "t.": "tomo",
    "l.": "legge", "all.": "allegato", "int.": "interno", "ed.": "edizione", "ep.": "episodio", "punt.": "puntata",
    "es.": "esercizio", "eq.": "equazione", "ca.": "circa", "r.": "riga", "rr.": "righe", "sc.": "scala", "lib.": "libro",
    "D.L.": "decreto legge", "D.Lgs.": "decreto legislativo", "L.": "legge", "h.": "ore", "reg.": "regolamento",
    "dir.": "direttiva", "prot.": "protocollo", "civ.": "civico", "km.": "chilometro", "max": "massimo", "min": "minimo",
}  # fmt: skip
NUMBERED = {
    form: words
    for short, words in _NUMBERED.items()
    for form in (short, short[0].upper() + short[1:])
    if form not in ("S.", "T.", "V.", "C.", "R.", "P.", "Nr", "Par")
}
NUMBERED |= {
    "km": "chilometro", "Km": "chilometro", "S.S.": "strada statale", "S.P.": "strada provinciale",
    "C.P.": "casella postale", "mt.": "metri",
    "Mt.": "metri",
}  # fmt: skip
_TAKEN = {**NUMBERED, **UNITS, **CURRENCIES, **MONTHS, **WEEKDAYS}
TITLES = also_small(TITLES, _TAKEN | ABBREVIATIONS | dict.fromkeys(("fr.", "uff.", "ss.")))
ABBREVIATIONS = also_small(ABBREVIATIONS, _TAKEN)

# Kings, queens, popes and others of whom there were several of a name.
QUEENS = word_set(
    "Elisabetta Maria Caterina Margherita Cristina Giovanna Isabella Anna Vittoria Beatrice Cleopatra Bianca Urraca Ulrica "
    "Guglielmina"
)
KINGS = QUEENS | word_set(
    "Luigi Carlo Enrico Edoardo Giorgio Guglielmo Riccardo Giacomo Filippo Napoleone Pietro Nicola Alessandro Ivan Federico "
    "Ottone Leopoldo Alberto Cristiano Gustavo Haakon Harald Olaf Oscar Pio Paolo Giovanni Benedetto Gregorio Clemente "
    "Innocenzo Leone Urbano Bonifacio Sisto Giulio Adriano Ramses Ramsete Thutmose Amenofi Amenhotep Seti Tolomeo Dario Serse "
    "Ciro Artaserse Antioco Seleuco Mitridate Ferdinando Alfonso Juan Sancho Pedro Manuel Francesco Vittorio Emanuele Umberto "
    "Roberto Davide Costantino Costante Giustiniano Giustino Basilio Teodosio Valentiniano Michele Mehmet Maometto Solimano "
    "Selim Murad Bayezid Mustafà Ahmed Abdullah Massimiliano Rodolfo Stefano Bela Andrea Sigismondo Casimiro Augusto Eric "
    "Erik Magnus Valdemaro Canuto Aroldo Baldovino Rama Felipe Amedeo Tiberio Claudio Romano Alessio Isacco Andronico "
    "Celestino Onorio Anastasio Eugenio Martino Callisto Marcello Silvestro Niccolò Cosimo Lorenzo Ercole Galeazzo Ranuccio "
    "Ludovico Lodovico Umberto Berengario Lotario Corrado Tancredi Ruggero Boemondo Manfredi Carol Faruk Fuad Hussein Ranieri "
    "Baldovino Montezuma Atahualpa Teodorico Childerico Clotario Dagoberto Pipino Ugo Zog Hassan Mohammed Jigme Malcolm Paolo "
    "Ottaviano Ettore Gian Pomare Kamehameha Ferrante Renato Sebastiano Sesto Agapito Damaso Zaccaria Formoso Sergio Vigilio "
    "Pelagio Onofrio Lucio Vittore Marino Giovan"
)
# What a number only names.
NAMED_BY_NUMBER = word_set(
    "pagina pagine numero numeri canale linea piano sala porta via strada chilometro km stanza camera volo treno autobus bus "
    "versione codice capitolo capitoli volume libro tomo parte sezione articolo articoli comma allegato fase tipo classe "
    "livello grado gruppo stagione episodio esercizio problema figura tabella giornata turno tappa opzione caso zona "
    "distretto settore blocco lezione unità modulo categoria divisione minuto ora passo agente boeing airbus fattore indice "
    "uno stazione posto fila binario uscita atto scena quadro canto paragrafo punto interno quota casello scala apollo rocky "
    "titolo"
)
ORDINALLY_COUNTED = word_set("capitolo atto titolo libro canto scena quadro dinastia secolo papa re regina")
MONTH_SET = frozenset(_MONTH_NAMES)

# Words in -a that are masculine, and words of other endings that are feminine.
MASCULINE = word_set(
    "problema tema sistema programma clima pianeta poeta giornalista artista turista atleta ciclista tennista dramma poema "
    "schema sintomo teorema diploma enigma fantasma dilemma cinema papa pirata collega autista dentista barista farmacista "
    "pilota specialista economista analista messaggio chilogrammo telegramma diagramma grafema comma gorilla sosia mila "
    "panorama pigiama aroma cromosoma genoma"
)
FEMININE = word_set(
    "notte notti parte parti classe classi legge leggi voce voci luce luci croce croci chiave chiavi nave navi base basi fase "
    "fasi frase frasi mano mani foto moto auto radio crisi tesi analisi ipotesi sintesi dose dosi gente carne carni neve sede "
    "sedi rete reti torre torri morte morti fonte fonti mente sera volpe tigre rondine pelle pelli madre madri moglie mogli "
    "nube nubi ape api vite pace febbre sorte corte corti fronte ponte arte arti lente lenti canzone canzoni immagine "
    "immagini origine lezione regione pagina dinamo serie specie superficie email mail app chat password star biro metro ora "
    "ore capitale capitali cambiale finale finali semifinale morale cattedrale vocale consonante variabile patente corrente "
    "sorgente siepe valle valli stalle"
) - {"ponte", "metro"}
# What may stand behind a number, but is not counted by it.
NOT_COUNTED = word_set(
    "a ad al allo alla ai agli alle all da dal dallo dalla dai dagli dalle di del dello della dei degli delle in nel nello "
    "nella nei negli nelle con col su sul sullo sulla sui sugli sulle per tra fra e ed o oppure ma se che chi cui non né è "
    "era erano sono fu furono sarà ha hanno ho aveva avevano il lo la i gli le l un uno una un si ci vi ne mi ti me te lui "
    "lei noi voi loro più meno circa ogni prima dopo quando come dove mentre poi anche ancora già mai sempre oggi ieri domani "
    "qui qua là lì su giù quasi solo soltanto questo questa questi queste quello quella quelli quelle suo sua suoi sue mio "
    "mia tuo tua nostro nostra tutto tutta tutti tutte può possono viene vengono va vanno fa fanno dice disse vale fino senza "
    "contro verso entro durante secondo presso sopra sotto dentro fuori mila milioni miliardi milione miliardo bis ter tris "
    "quater novembre dell sull nell dall apre apriva chiude"
)
STARTERS = word_set(
    "Il Lo La I Gli Le Un Uno Una In Nel Nella Nei È Era Fu Non E Ma Di Del Della Dei Da Dal Dalla A Al Alla Con Per Come "
    "Quando Dove Se Si Su Suo Sua Mio Mia Questo Questa Questi Queste Quello Quella Ciò Già Oggi Ieri Domani Poi Dopo Allora "
    "Così Anche Inoltre Molti Molte Tutto Tutti Tutte Nessuno Niente Mai Che Chi Cosa Perché Più Mi Ti Ci Vi Io Tu Lui Lei "
    "Noi Voi Loro Senza Sopra Secondo Tra Fra Durante Mentre Sono Ho Ha Hanno Solo Credo Voglio Grazie Ciao Dunque Però "
    "Infatti Secondo Forse Quasi Ogni Ecco Siamo Era"
)
ACRONYMS = word_set(
    "CD DVD DC MD MC CV CC CM DM MM MIX CIVIC LCD LED XL XXL XXXL CCD CDC DI MI LI VI CI IVI DCI CIVIL MIL DIC LIV DICI MIDI"
)
# What is counted in numbers as long as those of telephones.
PEOPLE = word_set("abitanti persone euro dollari sterline lire chilometri metri voti spettatori visitatori ettari utenti")
# Titles that end otherwise where no name is behind them.
LONGER = {
    "dott": "dottore", "prof": "professore", "ing": "ingegnere", "sig": "signore", "rag": "ragioniere", "cav": "cavaliere",
    "mons": "monsignore",
    "Dott": "dottore", "Prof": "professore", "Ing": "ingegnere", "Sig": "signore",
}  # fmt: skip
