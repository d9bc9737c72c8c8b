"""The words of Spanish: units, currencies, names and abbreviations."""

from actors.text.languages.context import also_small, word_list, word_set
from actors.text.languages.language import Currency, Noun, Words

WORDS = Words(
    point="coma", minus="menos", plus="más", plus_minus="más menos", times="por", by="por", divided="entre",
    equals="es igual a", unequal="es distinto de", about="aproximadamente", nearly="es aproximadamente igual a",
    less="es menor que", less_equal="es menor o igual que", greater="es mayor que", greater_equal="es mayor o igual que",
    root="raíz cuadrada de", power="elevado a", squared="al cuadrado", cubed="al cubo", to="a", over="sobre", per="por",
    of="de", and_="y", percent="por ciento", per_mille="por mil", section="párrafo",
    sections="párrafos", number="número", copyright="copyright", at="arroba", dot="punto", dot_in_version="punto",
    slash="barra", dash="guion", underscore="guion bajo", hashtag="hashtag",
)  # fmt: skip


def _noun(name: str, gender: str = "m") -> Noun:
    """Return a noun whose plural has an s, or ``es`` behind a consonant; only its first word has one."""
    first, _, rest = name.partition(" ")
    many = first + ("s" if first[-1] in "aeiouáéót" else "es")
    return Noun(name, f"{many} {rest}".rstrip(), gender)


def _unchanged(name: str, gender: str = "m") -> Noun:
    return Noun(name, name, gender)


_LENGTHS = {
    "km": _noun("kilómetro"), "m": _noun("metro"), "dm": _noun("decímetro"), "cm": _noun("centímetro"),
    "mm": _noun("milímetro"), "hm": _noun("hectómetro"), "Km": _noun("kilómetro"), "ft": Noun("pie", "pies"),
    "yd": _noun("yarda", "f"),
}  # fmt: skip


def _of_space(marks: str, name: str) -> dict[str, Noun]:
    """Return the squares or cubes of lengths, by symbol."""
    return {
        f"{symbol}{mark}": Noun(f"{noun.one} {name}{_END[noun.gender]}", f"{noun.many} {name}{_END[noun.gender]}s", noun.gender)
        for symbol, noun in _LENGTHS.items()
        for mark in marks
    }


_END = {"m": "o", "f": "a"}
_PREFIXES = {"K": "kilo", "k": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta"}
_BYTES = {f"{symbol}B": _noun(f"{prefix}byte") for symbol, prefix in _PREFIXES.items()}
_BITS = {f"{symbol}{bit}": _noun(f"{prefix}bit") for symbol, prefix in _PREFIXES.items() for bit in ("b", "bit")}
_BIT_RATES = {
    f"{symbol}{rate}": _noun(f"{prefix}bit por segundo")
    for symbol, prefix in _PREFIXES.items()
    for rate in ("bps", "b/s", "bit/s", "bits/s")
}
_CELSIUS, _FAHRENHEIT = _noun("grado"), _noun("grado Fahrenheit")

UNITS = {
    **_LENGTHS, **_of_space("²2", "cuadrad"), **_of_space("³3", "cúbic"), **_BYTES, **_BITS, **_BIT_RATES,
    "µm": _noun("micrómetro"), "μm": _noun("micrómetro"), "nm": _noun("nanómetro"), "nmi": _noun("milla náutica", "f"),
    "kg": _noun("kilo"), "kgs": _noun("kilo"), "Kg": _noun("kilo"), "g": _noun("gramo"), "gr": _noun("gramo"),
    "grs": _noun("gramo"), "gr.": _noun("gramo"), "mg": _noun("miligramo"), "µg": _noun("microgramo"),
    "μg": _noun("microgramo"), "mcg": _noun("microgramo"), "t": _noun("tonelada", "f"), "Tm": _noun("tonelada", "f"),
    "Mt": _noun("megatonelada", "f"), "lb": _noun("libra", "f"), "lbs": _noun("libra", "f"), "oz": _noun("onza", "f"),
    "l": _noun("litro"), "L": _noun("litro"), "lt": _noun("litro"), "lts": _noun("litro"), "ml": _noun("mililitro"),
    "mL": _noun("mililitro"), "cl": _noun("centilitro"), "cL": _noun("centilitro"), "dl": _noun("decilitro"),
    "hl": _noun("hectolitro"), "cc": Noun("centímetro cúbico", "centímetros cúbicos"),
    "c.c.": Noun("centímetro cúbico", "centímetros cúbicos"), "h": _noun("hora", "f"), "hs": _noun("hora", "f"),
    "hrs": _noun("hora", "f"), "hs.": _noun("hora", "f"), "hrs.": _noun("hora", "f"), "min": _noun("minuto"),
    "min.": _noun("minuto"), "mins": _noun("minuto"), "mins.": _noun("minuto"), "s": _noun("segundo"),
    "seg": _noun("segundo"), "seg.": _noun("segundo"),
    "segs": _noun("segundo"), "ms": _noun("milisegundo"), "µs": _noun("microsegundo"), "ns": _noun("nanosegundo"),
    "°C": _CELSIUS, "° C": _CELSIUS, "ºC": _CELSIUS, "º C": _CELSIUS, "℃": _CELSIUS, "°F": _FAHRENHEIT, "° F": _FAHRENHEIT,
    "ºF": _FAHRENHEIT, "°": _noun("grado"), "º": _noun("grado"), "K": Noun("kelvin", "kelvin"),
    "Hz": Noun("hercio", "hercios"), "kHz": _noun("kilohercio"), "MHz": _noun("megahercio"), "GHz": _noun("gigahercio"),
    "W": _noun("vatio"), "mW": _noun("milivatio"), "kW": _noun("kilovatio"), "KW": _noun("kilovatio"),
    "MW": _noun("megavatio"), "GW": _noun("gigavatio"), "TW": _noun("teravatio"), "Wh": _noun("vatio hora"),
    "kWh": _noun("kilovatio hora"), "KWh": _noun("kilovatio hora"), "kwh": _noun("kilovatio hora"),
    "MWh": _noun("megavatio hora"), "GWh": _noun("gigavatio hora"), "TWh": _noun("teravatio hora"), "V": _noun("voltio"),
    "mV": _noun("milivoltio"), "kV": _noun("kilovoltio"), "mA": _noun("miliamperio"), "mAh": _noun("miliamperio hora"),
    "Ah": _noun("amperio hora"), "Ω": _noun("ohmio"), "kΩ": _noun("kiloohmio"), "J": _noun("julio"), "kJ": _noun("kilojulio"),
    "cal": _noun("caloría", "f"), "kcal": _noun("kilocaloría", "f"), "Kcal": _noun("kilocaloría", "f"),
    "kN": _noun("kilonewton"), "Nm": Noun("newton metro", "newtons metro"), "Pa": _noun("pascal"), "hPa": _noun("hectopascal"),
    "kPa": _noun("kilopascal"), "MPa": _noun("megapascal"), "mbar": _noun("milibar"), "bar": _noun("bar"),
    "atm": _noun("atmósfera", "f"), "mmHg": Noun("milímetro de mercurio", "milímetros de mercurio"),
    "kph": _noun("kilómetro por hora"), "Km/h": _noun("kilómetro por hora"), "km/hora": _noun("kilómetro por hora"),
    "kms": _noun("kilómetro"), "Kms": _noun("kilómetro"), "mts": _noun("metro"), "mts.": _noun("metro"),
    "cms": _noun("centímetro"), "mph": _noun("milla por hora", "f"),
    "rpm": Noun("revolución por minuto", "revoluciones por minuto", "f"),
    "ppm": Noun("parte por millón", "partes por millón", "f"), "lpm": Noun("latido por minuto", "latidos por minuto"),
    "dB": _noun("decibelio"), "px": Noun("píxel", "píxeles"), "Mpx": Noun("megapíxel", "megapíxeles"),
    "MP": Noun("megapíxel", "megapíxeles"), "CV": Noun("caballo", "caballos"), "cv": Noun("caballo", "caballos"),
    "lm": Noun("lumen", "lúmenes"), "lx": _unchanged("lux"), "mol": Noun("mol", "moles"), "mmol": Noun("milimol", "milimoles"),
    "m/s²": Noun("metro por segundo al cuadrado", "metros por segundo al cuadrado"), "nudos": Noun("nudo", "nudos"),
    "m/s2": Noun("metro por segundo al cuadrado", "metros por segundo al cuadrado"),
    "fps": Noun("fotograma por segundo", "fotogramas por segundo"), "hab": Noun("habitante", "habitantes"),
    "hab.": Noun("habitante", "habitantes"), "pág.": _noun("página", "f"), "págs.": _noun("página", "f"),
    "pp.": _noun("página", "f"), "uds.": Noun("unidad", "unidades", "f"), "ud.": Noun("unidad", "unidades", "f"),
    "vol.": Noun("volumen", "volúmenes"), "cda.": _noun("cucharada", "f"), "cdas.": _noun("cucharada", "f"),
    "cdta.": _noun("cucharadita", "f"),
    "cdtas.": _noun("cucharadita", "f"), "pers.": _noun("persona", "f"), "cts": _noun("céntimo"), "cts.": _noun("céntimo"),
    "cént.": _noun("céntimo"), "c/u": _unchanged("cada uno"), "pts": _noun("punto"), "pts.": _noun("punto"),
    "min/km": _noun("minuto por kilómetro"), "dpi": _unchanged("puntos por pulgada"), "″": _noun("pulgada", "f"),
}  # fmt: skip

# What amounts are for, beside *por kilo*.
FOR_EACH = {"mes": " al mes", "año": " al año", "día": " al día", "semana": " a la semana"}

_CENTIMO, _CENTAVO = _noun("céntimo"), _noun("centavo")


def _currency(name: str, minor: Noun = _CENTAVO, gender: str = "m", many: str | None = None) -> Currency:
    return Currency(Noun(name, many, gender) if many else _noun(name, gender), minor)


_DOLLAR, _EURO, _YEN = _currency("dólar"), _currency("euro", _CENTIMO), _currency("yen")
_POUND, _YUAN = _currency("libra", _noun("penique"), "f"), _currency("yuan", Noun("fen", "fen"))
_REAL = _currency("real")
CURRENCIES = {
    "$": _DOLLAR, "US$": _DOLLAR, "USD": _DOLLAR, "U$S": _DOLLAR, "U$D": _DOLLAR, "u$s": _DOLLAR,
    "A$": _currency("dólar australiano", many="dólares australianos"),
    "AUD": _currency("dólar australiano", many="dólares australianos"),
    "C$": _currency("dólar canadiense", many="dólares canadienses"),
    "CAD": _currency("dólar canadiense", many="dólares canadienses"), "€": _EURO, "EUR": _EURO, "£": _POUND, "GBP": _POUND,
    "¥": _YEN, "JPY": _YEN, "CNY": _YUAN, "RMB": _YUAN, "CHF": _currency("franco suizo", _CENTIMO, many="francos suizos"),
    "MXN": _currency("peso mexicano", many="pesos mexicanos"), "MX$": _currency("peso mexicano", many="pesos mexicanos"),
    "ARS": _currency("peso argentino", many="pesos argentinos"), "AR$": _currency("peso argentino", many="pesos argentinos"),
    "CLP": _currency("peso chileno", many="pesos chilenos"), "COP": _currency("peso colombiano", many="pesos colombianos"),
    "UYU": _currency("peso uruguayo", many="pesos uruguayos"), "S/": _currency("sol", _CENTIMO),
    "S/.": _currency("sol", _CENTIMO), "PEN": _currency("sol", _CENTIMO), "R$": _REAL, "BRL": _REAL,
    "Bs": _currency("bolívar", _CENTIMO), "Bs.": _currency("bolívar", _CENTIMO), "₹": _currency("rupia", gender="f"),
    "₽": _currency("rublo", _noun("kopek")), "₩": _currency("won"), "₺": _currency("lira", gender="f"),
    "₿": _currency("bitcoin", many="bitcoins"), "BTC": _currency("bitcoin", many="bitcoins"),
    "₡": _currency("colón", _CENTIMO, many="colones"), "₲": Currency(_unchanged("guaraní"), _CENTIMO),
    "Pta.": _currency("peseta", _CENTIMO, "f"), "ptas.": _currency("peseta", _CENTIMO, "f"),
    "pta.": _currency("peseta", _CENTIMO, "f"), "Ptas.": _currency("peseta", _CENTIMO, "f"), "¢": Currency(_CENTAVO, _CENTAVO),
}  # fmt: skip

_THOUSAND, _MILLION = _unchanged("mil"), Noun("millón", "millones")
_MILLIARD = _unchanged("mil millones")
MAGNITUDES = {
    "k": _THOUSAND, "K": _THOUSAND, "mil": _THOUSAND, "M": _MILLION, "MM": _MILLION, "mill.": _MILLION, "mill": _MILLION,
    "mills.": _MILLION, "mllns.": _MILLION, "mln": _MILLION, "bn": _MILLIARD,
}  # fmt: skip

_MONTH_NAMES = word_list("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre")
MONTHS = {
    **{name: number for number, name in enumerate(_MONTH_NAMES, 1)}, "setiembre": 9, "ene": 1, "feb": 2, "mar": 3, "abr": 4,
    "may": 5, "jun": 6, "jul": 7, "ago": 8, "agto": 8, "sep": 9, "sept": 9, "set": 9, "oct": 10, "nov": 11, "dic": 12,
}  # fmt: skip
MONTHS |= {f"{name}.": number for name, number in MONTHS.items() if len(name) < 5 and name not in _MONTH_NAMES}
MONTH_NAMES = dict(enumerate(_MONTH_NAMES, 1))

_WEEKDAYS = {
    "lun": "lunes", "mar": "martes", "mié": "miércoles", "mie": "miércoles", "jue": "jueves", "vie": "viernes",
    "sáb": "sábado", "sab": "sábado", "dom": "domingo",
}  # fmt: skip
WEEKDAYS = {
    form: name
    for short, name in _WEEKDAYS.items()
    for form in (f"{short}.", short.capitalize(), f"{short.capitalize()}.", short.upper())
} | {"L": "lunes", "V": "viernes", "S": "sábado", "D": "domingo", "J": "jueves"}

# What stands before a name, so that its stop ends no sentence.
TITLES = {
    "Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Sres.": "señores", "Sras.": "señoras", "Srtas.": "señoritas",
    "Srs.": "señores", "Dr.": "doctor", "Dra.": "doctora", "Dres.": "doctores", "Drs.": "doctores", "Dras.": "doctoras",
    "Dña.": "doña", "D.ª": "doña", "Dª": "doña", "Prof.": "profesor", "Profa.": "profesora", "Prof.ª": "profesora",
    "Profs.": "profesores", "Ing.": "ingeniero", "Arq.": "arquitecto", "Lic.": "licenciado", "Licda.": "licenciada",
    "Lcdo.": "licenciado", "Lcda.": "licenciada", "Ldo.": "licenciado", "Lda.": "licenciada", "Abg.": "abogado",
    "Gral.": "general", "Cnel.": "coronel", "Cap.": "capitán", "Cptn.": "capitán", "Tte.": "teniente", "Sgto.": "sargento",
    "Cmte.": "comandante", "Cmdt.": "comandante", "Alm.": "almirante", "Excmo.": "excelentísimo", "Excma.": "excelentísima",
    "Ilmo.": "ilustrísimo", "Ilma.": "ilustrísima", "Rvdo.": "reverendo", "Rdo.": "reverendo", "Rvda.": "reverenda",
    "Mons.": "monseñor", "Fr.": "fray", "Hno.": "hermano", "Hna.": "hermana", "Sto.": "santo", "Sta.": "santa",
    "Stos.": "santos", "Mtro.": "maestro", "Mtra.": "maestra", "Pdte.": "presidente", "Pdta.": "presidenta",
    "Pres.": "presidente", "Gob.": "gobernador", "Sen.": "senador", "Dip.": "diputado", "Mª": "María", "M.ª": "María",
    "Fco.": "Francisco", "Fdo.": "firmado", "Psic.": "psicólogo", "Mr.": "míster", "Mrs.": "místres", "Dir.": "director",
    "Pbro.": "presbítero", "Avda.": "avenida", "Av.": "avenida", "Avd.": "avenida", "Avda": "avenida", "Pza.": "plaza",
    "Plza.": "plaza", "Pl.": "plaza", "Ctra.": "carretera", "Urb.": "urbanización", "Gta.": "glorieta", "P.º": "paseo",
    "Pº": "paseo", "Bda.": "barriada", "Trav.": "travesía", "C/": "calle", "c/": "calle", "Cra.": "carrera",
    "Blvr.": "bulevar", "Blvd.": "bulevar", "Pje.": "pasaje", "Pza": "plaza", "Plza": "plaza",
    "Pol. Ind.": "polígono industrial",
    "Bº": "barrio", "B.º": "barrio", "Bo.": "barrio", "Col.": "colonia", "Fdez.": "Fernández", "Glez.": "González",
    "Hdez.": "Hernández", "Rguez.": "Rodríguez", "Rdguez.": "Rodríguez", "Mtnez.": "Martínez", "Stgo.": "Santiago",
    "SS. AA. RR.": "sus altezas reales", "SS.AA.RR.": "sus altezas reales", "Vicepres.": "vicepresidente", "Min.": "ministro",
    "Secret.": "secretario", "Dirs.": "directores", "Proc.": "procurador", "Magdo.": "magistrado", "Subtte.": "subteniente",
}  # fmt: skip
TITLES |= {
    title.removesuffix("."): words
    for title, words in TITLES.items()
    if title in ("Sr.", "Sra.", "Srta.", "Sres.", "Dr.", "Dra.", "Dña.", "Prof.", "Sta.", "Sto.")
}

# What is read so wherever it stands. A stop at the end may end the sentence too.
ABBREVIATIONS = {
    "p. ej.": "por ejemplo", "p.ej.": "por ejemplo", "p. e.": "por ejemplo", "p.e.": "por ejemplo", "P. ej.": "por ejemplo",
    "P.ej.": "por ejemplo", "Ej.:": "ejemplo:", "ej.": "ejemplo", "Ej.": "ejemplo", "etc.": "etcétera", "etc": "etcétera",
    "Etc.": "etcétera", "etcs.": "etcéteras", "Ud.": "usted", "Uds.": "ustedes", "Vd.": "usted", "Vds.": "ustedes",
    "VV.": "ustedes", "Ud": "usted", "Uds": "ustedes", "a. C.": "antes de Cristo", "a.C.": "antes de Cristo",
    "a. de C.": "antes de Cristo", "a.de C.": "antes de Cristo", "a.C": "antes de Cristo", "a. J. C.": "antes de Jesucristo",
    "a. de J. C.": "antes de Jesucristo", "d. C.": "después de Cristo", "d.C.": "después de Cristo",
    "d. de C.": "después de Cristo", "d.C": "después de Cristo", "d. J. C.": "después de Jesucristo",
    "d. de J. C.": "después de Jesucristo", "A.C.": "antes de Cristo", "D.C.": "después de Cristo",
    "a. e. c.": "antes de la era común", "a. n. e.": "antes de nuestra era", "e. c.": "era común", "EE. UU.": "Estados Unidos",
    "EE.UU.": "Estados Unidos", "EE.UU": "Estados Unidos", "EE UU": "Estados Unidos", "EEUU": "Estados Unidos",
    "EE. UU": "Estados Unidos", "E.U.A.": "Estados Unidos de América", "JJ. OO.": "Juegos Olímpicos",
    "JJ.OO.": "Juegos Olímpicos", "JJOO": "Juegos Olímpicos", "CC. AA.": "comunidades autónomas",
    "CC.AA.": "comunidades autónomas", "CCAA": "comunidades autónomas", "FF. AA.": "Fuerzas Armadas",
    "FF.AA.": "Fuerzas Armadas", "FFAA": "Fuerzas Armadas", "RR. HH.": "recursos humanos", "RR.HH.": "recursos humanos",
    "RRHH": "recursos humanos", "RR. PP.": "relaciones públicas", "RR.PP.": "relaciones públicas",
    "CC. OO.": "Comisiones Obreras", "CC.OO.": "Comisiones Obreras", "CCOO": "Comisiones Obreras",
    "DD. HH.": "derechos humanos", "DD.HH.": "derechos humanos", "DDHH": "derechos humanos", "NN. UU.": "Naciones Unidas",
    "NN.UU.": "Naciones Unidas", "RR. CC.": "Reyes Católicos", "RR. MM.": "Reyes Magos", "RRSS": "redes sociales",
    "RR. SS.": "redes sociales", "RR.SS.": "redes sociales", "AA. VV.": "varios autores", "VV. AA.": "varios autores",
    "VV.AA.": "varios autores", "EE. MM.": "enseñanzas medias", "FF. CC.": "ferrocarriles", "S. M.": "su majestad",
    "SS. MM.": "sus majestades", "SS.MM.": "sus majestades", "S.M.": "su majestad", "S. A. R.": "su alteza real",
    "S.A.R.": "su alteza real", "S. E.": "su excelencia", "S. S.": "su santidad", "a. m.": "a m", "a.m.": "a m",
    "p. m.": "p m", "p.m.": "p m", "A.M.": "a m", "P.M.": "p m", "A. M.": "a m", "P. M.": "p m", "cf.": "confróntese",
    "cfr.": "confróntese", "vid.": "véase", "v. gr.": "verbigracia", "v.gr.": "verbigracia", "v. g.": "verbigracia",
    "i. e.": "esto es", "i.e.": "esto es", "e. g.": "por ejemplo", "e.g.": "por ejemplo", "vs.": "versus", "vs": "versus",
    "ibíd.": "ibídem", "Ibíd.": "ibídem", "ib.": "ibídem", "íd.": "ídem", "op. cit.": "obra citada", "ob. cit.": "obra citada",
    "loc. cit.": "lugar citado", "et al.": "et al", "aprox.": "aproximadamente", "máx.": "máximo", "mín.": "mínimo",
    "máx": "máximo", "mín": "mínimo", "tel.": "teléfono", "Tel.": "teléfono", "tfno.": "teléfono", "Tfno.": "teléfono",
    "teléf.": "teléfono", "Teléf.": "teléfono", "tlf.": "teléfono", "Tlf.": "teléfono", "móv.": "móvil",
    "dpto.": "departamento", "Dpto.": "departamento", "depto.": "departamento", "Depto.": "departamento",
    "admón.": "administración", "Admón.": "Administración", "izq.": "izquierda", "izda.": "izquierda", "izqda.": "izquierda",
    "izqdo.": "izquierdo", "izdo.": "izquierdo", "dcha.": "derecha", "dcho.": "derecho", "dto.": "descuento",
    "Dto.": "descuento", "dtos.": "descuentos", "cta.": "cuenta", "Cta.": "cuenta", "c/c": "cuenta corriente",
    "cte.": "corriente", "entlo.": "entresuelo", "ppal.": "principal", "prov.": "provincia", "Prov.": "provincia",
    "ref.": "referencia", "Ref.": "referencia", "gob.": "gobierno", "Gob.": "gobierno", "atte.": "atentamente",
    "Atte.": "atentamente", "s/n": "sin número", "y/o": "y o", "c/u": "cada uno", "Cía.": "compañía", "cía.": "compañía",
    "Cia.": "compañía", "Hnos.": "Hermanos", "hnos.": "hermanos", "Ltda.": "limitada", "S. A.": "S A", "S. L.": "S L",
    "S.A.": "S A", "S.L.": "S L", "S. Coop.": "sociedad cooperativa", "P. D.": "posdata", "P.D.": "posdata", "PD:": "posdata:",
    "N. B.": "nota bene", "N. del T.": "nota del traductor", "N. del A.": "nota del autor", "N. del E.": "nota del editor",
    "q. e. p. d.": "que en paz descanse", "Q. E. P. D.": "que en paz descanse", "Q.E.P.D.": "que en paz descanse",
    "D. E. P.": "descanse en paz", "D.E.P.": "descanse en paz", "Bco.": "banco", "Univ.": "Universidad", "Edo.": "estado",
    "edo.": "estado", "Inst.": "instituto", "Secr.": "secretaría", "ed.": "edición", "Ed.": "editorial", "eds.": "editores",
    "coord.": "coordinador", "trad.": "traducción", "sig.": "siguiente", "sigs.": "siguientes", "ss.": "siguientes",
    "esp.": "especialmente", "núms.": "números", "vda.": "viuda", "Vda.": "viuda", "C. P.": "código postal",
    "C.P.": "código postal", "apdo.": "apartado", "Apdo.": "apartado", "km/h": "kilómetros por hora",
    "m/s": "metros por segundo", "m²": "metros cuadrados", "m³": "metros cúbicos", "km²": "kilómetros cuadrados",
    "kWh": "kilovatios hora", "°C": "grados", "R. U.": "Reino Unido", "U. E.": "Unión Europea", "U.E.": "U E",
    "I+D": "I más D", "I+D+i": "I más D más I", "Bs. As.": "Buenos Aires", "Bs.As.": "Buenos Aires", "D. F.": "D F",
    "D.F.": "D F", "feb.": "febrero", "sept.": "septiembre", "dic.": "diciembre", "C++": "C más más", "lb.": "libras",
    "lbs.": "libras", "Nº": "número", "nº": "número", "n.º": "número", "N.º": "número", "Tel:": "teléfono:",
    "Tfno:": "teléfono:", "Tlf:": "teléfono:", "C#": "C sharp", "V.º B.º": "visto bueno", "VºBº": "visto bueno",
    "V.ºB.º": "visto bueno", "Vº Bº": "visto bueno", "sem.": "semestre", "trim.": "trimestre", "lun.": "lunes",
    "mié.": "miércoles", "jue.": "jueves", "vie.": "viernes", "sáb.": "sábado", "dom.": "domingo", "págs.": "páginas",
    "pág.": "página", "arts.": "artículos", "cap.": "capítulo", "tfno": "teléfono", "fig.": "figura", "núm.": "número",
    "Máx.": "máximo", "Mín.": "mínimo", "don/doña": "don o doña", "él/ella": "él o ella", "los/las": "los o las",
    "el/la": "el o la", "o/y": "o y", "desc.": "descuento", "incl.": "incluido", "excl.": "excluido", "hab.": "habitantes",
    "abrev.": "abreviatura", "fasc.": "fascículo", "conf.": "confirmar", "imp.": "imprenta", "jr.": "júnior", "Jr.": "júnior",
    "próx.": "próximo", "expte.": "expediente", "exptes.": "expedientes", "esq.": "esquina", "esc.": "escalera",
    "vto.": "vencimiento", "fra.": "factura", "rte.": "remitente", "dest.": "destinatario", "nac.": "nacional",
    "asoc.": "asociación", "fac.": "facultad", "bibl.": "biblioteca", "resp.": "respectivamente", "subt.": "subtítulo",
    "dir.": "dirección", "pol. ind.": "polígono industrial", "N. de la R.": "nota de la redacción",
    "dif.": "diferencia", "ant.": "antiguo",
    "aux.": "auxiliar", "adm.": "administración", "cód.": "código", "equiv.": "equivalente", "gralm.": "generalmente",
    "ind.": "industrial", "pers.": "personas", "pts.": "puntos", "vols.": "volúmenes", "caps.": "capítulos",
    "figs.": "figuras",
    "Ntra. Sra.": "Nuestra Señora", "Ntra.": "Nuestra", "Ntro.": "Nuestro", "Fdo.:": "firmado:",
}  # fmt: skip

# What is read so only before a number.
_NUMBERED = {
    "n.º": "número", "nº": "número", "n°": "número", "n.°": "número", "núm.": "número", "num.": "número", "nro.": "número",
    "n.os": "números", "núms.": "números", "pág.": "página", "pag.": "página", "págs.": "páginas", "p.": "página",
    "pp.": "páginas", "pg.": "página", "cap.": "capítulo", "caps.": "capítulos", "vol.": "volumen", "vols.": "volúmenes",
    "t.": "tomo", "fig.": "figura", "figs.": "figuras", "art.": "artículo", "arts.": "artículos", "s.": "siglo",
    "ss.": "siglos", "ap.": "apartado", "apdo.": "apartado", "apart.": "apartado", "lám.": "lámina", "tab.": "tabla",
    "ed.": "edición", "ej.": "ejemplo", "ec.": "ecuación", "tel.": "teléfono", "op.": "opus", "c.": "circa", "ca.": "circa",
    "lín.": "línea", "párr.": "párrafo", "secc.": "sección", "v.": "verso", "vv.": "versos", "esc.": "escena",
    "temp.": "temporada", "hab.": "habitación", "epíg.": "epígrafe", "ctra.": "carretera", "pza.": "plaza",
    "expte.": "expediente", "pta.": "puerta", "lot.": "lote", "párrs.": "párrafos", "k.": "kilómetro",
    "km.": "kilómetro", "tít.": "título", "exp.": "expediente", "ext.": "extensión", "int.": "interior", "pto.": "punto",
    "kil.": "kilómetro", "f.": "folio", "lib.": "libro",
}  # fmt: skip
_INITIALS = ("S.", "T.", "V.", "C.", "F.", "K.", "P.")  # these are more often of names
NUMBERED = {
    form: words for short, words in _NUMBERED.items() for form in (short, short[0].upper() + short[1:]) if form not in _INITIALS
}
NUMBERED |= {"km": "kilómetro", "Km": "kilómetro", "N.º": "número", "Nº": "número", "N°": "número", "No.": "número"}
NUMBERED |= {"CP": "código postal", "C. P.": "código postal"}
_TAKEN = {**NUMBERED, **UNITS, **CURRENCIES, **MONTHS, **WEEKDAYS}
TITLES = also_small(TITLES, _TAKEN | ABBREVIATIONS | dict.fromkeys(("pl.", "fr.", "trav.")))
ABBREVIATIONS = also_small(ABBREVIATIONS, _TAKEN)

# Kings, queens, popes and others of whom there were several of a name.
QUEENS = word_set(
    "Isabel María Juana Catalina Cristina Margarita Beatriz Ana Victoria Urraca Blanca Leonor Sofía Cleopatra Guillermina "
    "Isabela"
)
KINGS = QUEENS | word_set(
    "Felipe Alfonso Carlos Fernando Enrique Juan Pedro Sancho Ramiro Ordoño Bermudo García Jaime Martín Luis Francisco "
    "Eduardo Jorge Guillermo Ricardo Jacobo Napoleón Pablo Pío León Benedicto Gregorio Inocencio Clemente Urbano Bonifacio "
    "Alejandro Nicolás Iván Federico Otón Leopoldo Alberto Cristián Gustavo Haakon Harald Olaf Óscar Balduino Víctor Manuel "
    "Humberto Ramsés Tutmosis Amenofis Seti Ptolomeo Darío Jerjes Ciro Artajerjes Antíoco Seleuco Mitrídates Constantino "
    "Justiniano Justino Basilio Teodosio Valentiniano Miguel Mehmed Mehmet Solimán Selim Murad Ahmed Mustafá Abdalá "
    "Abderramán Alhakén Hixem Mohamed Hasán Hassan Muhammad Maximiliano Rodolfo Esteban Bela Andrés Segismundo Casimiro "
    "Augusto Erik Eric Magnus Valdemar Canuto Harold Teodorico Recaredo Adriano Julio Sixto Celestino Honorio Calixto "
    "Marcelino Silvestre Eugenio Moctezuma Carol Faruk Fuad Hussein Luitpoldo Ernesto José Sebastián Teobaldo Berenguer "
    "Raimundo Borrell Wifredo Ramón Leovigildo Alarico Atahualpa Pacal Tiberio Claudio Romano Alejo Isaac Andrónico Rama "
    "Akihito Malcolm Roberto David Dionisio Duarte Rainiero Honorato Cosme Lorenzo Filipo Tolomeo Ramiro Paulo Bernardo "
    "Conrado Lotario Hugo Enrico Mohammed Amenhotep Abdul "
    "Adolfo Amadeo Wenceslao Ladislao Estanislao Haroldo Sargón Nabucodonosor Salmanasar Yusuf Mauricio"
)
# What a number only names, so that it does not agree with what is behind.
NAMED_BY_NUMBER = word_set(
    "capítulo acto título libro tomo volumen parte sección artículo anexo fase tipo clase nivel grado grupo página páginas "
    "número números canal línea planta sala puerta calle carretera kilómetro km piso habitación vuelo tren autobús apartado "
    "punto día versión formato código temporada episodio ejercicio problema pregunta figura tabla mesa jornada ronda etapa "
    "etapas opción caso zona distrito sector bloque lote lección unidad módulo categoría división dorsal minuto hora paso "
    "plan agente boeing airbus factor índice nota uno estación puesto fila asiento andén capítulos artículos pista"
)
ORDINALLY_COUNTED = frozenset({"capítulo", "acto", "título", "siglo", "siglos", "dinastía"})

# Words in -a that are masculine, and words of other endings that are feminine.
MASCULINE = word_set(
    "día días mapa mapas problema problemas tema temas sistema sistemas programa programas idioma idiomas planeta planetas "
    "poema poemas clima climas drama dramas esquema esquemas lema lemas síntoma síntomas teorema teoremas cometa cometas "
    "atleta atletas futbolista futbolistas artista artistas periodista periodistas turista turistas policía policías diploma "
    "diplomas enigma enigmas fantasma fantasmas dilema dilemas kilogramo carisma cromosomas cromosoma genoma genomas tranvía "
    "tranvías guardia guardias colega colegas poeta poetas pirata piratas camarada camaradas gramas telegrama telegramas "
    "diagrama diagramas crucigrama crucigramas tenista tenistas ciclista ciclistas socialista socialistas deportistas "
    "deportista especialista especialistas terrorista terroristas analistas economistas electricistas taxistas dentistas "
    "activistas estados gigas teras megas fotogramas pijama pijamas sofás papás gorilas aromas panoramas escoltas centinelas "
    "espías demócratas burócratas euros"
)
FEMININE = word_set(
    "vez veces mujer mujeres flor flores noche noches tarde tardes clase clases calle calles ley leyes parte partes nube "
    "nubes red redes mano manos foto fotos moto motos luz luces voz voces cruz cruces nuez nueces pared paredes sede sedes "
    "llave llaves nave naves ave aves clave claves serpiente serpientes fuente fuentes frase frases fase fases base bases "
    "crisis tesis imagen imágenes orden órdenes señal señales sal sales piel pieles cárcel cárceles sucursal sucursales "
    "catedral catedrales torre torres sangre madre madres costumbre costumbres gente muerte muertes suerte leche carne carnes "
    "hambre corriente corrientes serie series especie especies superficie raíz raíces actriz actrices perdiz perdices "
    "cicatriz cicatrices radio radios cumbre cumbres legumbre legumbres variable variables patente patentes parálisis dosis "
    "síntesis hipótesis sílaba virtud virtudes juventud labor labores col coles miel hiel vocal vocales capital razón razones "
    "canción canciones lección lecciones región regiones religión estación estaciones nariz narices tos res reses tez paz "
    "mitad gripe sangres pirámide pirámides llamadas fiebre mente mentes vertiente vertientes ONG pymes apps webs laptops "
    "tablets libras"
)
# What may stand behind a number, but is not counted by it.
NOT_COUNTED = word_set(
    "a al ante bajo con contra de del desde durante en entre hacia hasta mediante para por según sin sobre tras y e o u ni "
    "que si como cuando donde mientras pero porque pues sino aunque la las lo los le les el él ella ellas ellos un una unos "
    "unas uno nos os se me te su sus mi mis tu tus es son era eran fue fueron está están estaba estaban ha han había habían "
    "hay he será serían sería sea cada más menos antes después entonces además quizás jamás dos tres seis ya no sí muy todo "
    "toda todos todas otro otra ahora aquí allí así también tampoco nunca siempre luego ayer hoy mañana puede pueden vale "
    "ganó quedó llegó izquierda derecha arriba abajo tras vs versus contra mil millones millón ante pasado pasada próximo "
    "próxima este esta estos estas ese esa esos aquel aquella casi solo sólo aproximadamente inclusive exacto exacta incluida "
    "incluido centro bis dice dijo dio va van tiene tienen lunes hasta cuya cuyo cuyos cuyas algo nada alguien muchas muchos "
    "varias varios algunas algunos nuestra nuestras nuestro nuestros pese gracias atrás lejos cerca apenas debemos"
)
# Verbs of the first person in the plural end like nouns do; these are nouns and adjectives.
ENDING_LIKE_VERBS = word_set(
    "últimos próximos mismos primos ramos tramos extremos racimos gramos kilogramos miligramos céntimos máximos mínimos "
    "ánimos átomos tomos cromos dogmos décimos enésimos millonésimos séptimos centésimos milésimos domos plomos reclamos "
    "hermanos remos términos anónimos organismos mecanismos sismos seísmos abismos problemos gnomos aromos lomos pomos temos "
    "alumnos"
)
STARTERS = word_set(
    "El La Los Las Un Una Unos Unas En Es Era Fue No Y Pero De Del Al A Con Por Para Como Cuando Donde Si Se Su Sus Mi Mis Tu "
    "Este Esta Estos Estas Ese Esa Eso Esto Aquel Ya Hay Ha He Hoy Ayer Mañana Luego Después Entonces Así Aunque Además "
    "También Tampoco Muchos Muchas Todo Todos Todas Nadie Nada Nunca Que Qué Quién Cómo Cuándo Dónde Más Me Te Nos Le Les Lo "
    "Yo Él Ella Ellos Ellas Nosotros Sin Sobre Según Tras Desde Hasta Entre Durante Mientras Son Están Está Solo Porque Pues "
    "Sin Tal Vamos Creo Quiero Tengo Gracias Hola"
)
ACRONYMS = word_set("CD DVD DC MD MC CV CC CM DM MM MIX CIVIC LCD LED XL XXL XXXL CCD CDC DI MI LI VIL CIVIL MIL DIC XIX") - {
    "XIX"
}
