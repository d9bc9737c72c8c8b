"""The words of English: units, currencies, names, abbreviations. American spelling, as most of what models are trained on."""

from actors.text.languages.context import word_list, word_set
from actors.text.languages.language import Currency, Noun, Words, regular

WORDS = Words(
    point="point",
    minus="minus",
    plus="plus",
    plus_minus="plus or minus",
    times="times",
    by="by",
    divided="divided by",
    equals="equals",
    unequal="is not equal to",
    about="about",
    nearly="is approximately",
    less="less than",
    less_equal="less than or equal to",
    greater="greater than",
    greater_equal="greater than or equal to",
    root="the square root of",
    power="to the power of",
    squared="squared",
    cubed="cubed",
    to="to",
    over="over",
    per="per",
    of="",
    and_="and",
    percent="percent",
    per_mille="per mille",
    section="section",
    sections="sections",
    number="number",
    copyright="copyright",
    at="at",
    dot="dot",
    dot_in_version="point",
    slash="slash",
    dash="dash",
    underscore="underscore",
    hashtag="hashtag",
)


_LENGTHS = {
    "km": regular("kilometer"), "m": regular("meter"), "dm": regular("decimeter"), "cm": regular("centimeter"),
    "mm": regular("millimeter"), "mi": regular("mile"), "ft": Noun("foot", "feet"), "yd": regular("yard"),
}  # fmt: skip
_AREAS = {
    f"{unit}{mark}": Noun(f"square {noun.one}", f"square {noun.many}") for unit, noun in _LENGTHS.items() for mark in "²2"
}
_SQUARES = {f"{square} {unit}{stop}": _AREAS[f"{unit}2"] for unit in _LENGTHS for square in ("sq", "sq.") for stop in ("", ".")}
_VOLUMES = {
    f"{unit}{mark}": Noun(f"cubic {noun.one}", f"cubic {noun.many}") for unit, noun in _LENGTHS.items() for mark in "³3"
}

_PREFIXES = {"K": "kilo", "k": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta"}
_BYTES = {f"{symbol}B": regular(f"{prefix}byte") for symbol, prefix in _PREFIXES.items()}
_BITS = {f"{symbol}{bits}": regular(f"{prefix}bit") for symbol, prefix in _PREFIXES.items() for bits in ("b", "bit")}
_BIT_RATES = {
    f"{symbol}bps": Noun(f"{prefix}bit per second", f"{prefix}bits per second") for symbol, prefix in _PREFIXES.items()
}

UNITS = {
    **_LENGTHS, **_AREAS, **_SQUARES, **_VOLUMES, **_BYTES, **_BITS, **_BIT_RATES, "µm": regular("micrometer"),
    "μm": regular("micrometer"), "nm": regular("nanometer"), "ft.": Noun("foot", "feet"), "yds": regular("yard"),
    "in³": Noun("cubic inch", "cubic inches"), "in²": Noun("square inch", "square inches"),
    "sq in": Noun("square inch", "square inches"), "nmi": regular("nautical mile"), "ly": regular("light year"),
    "kg": regular("kilogram"), "kgs": regular("kilogram"), "g": regular("gram"), "mg": regular("milligram"),
    "µg": regular("microgram"), "μg": regular("microgram"), "mcg": regular("microgram"), "lb": regular("pound"),
    "lbs": regular("pound"), "lb.": regular("pound"), "lbs.": regular("pound"), "oz": regular("ounce"),
    "oz.": regular("ounce"), "fl oz": regular("fluid ounce"), "fl. oz.": regular("fluid ounce"), "t": regular("ton"),
    "l": regular("liter"), "L": regular("liter"), "ml": regular("milliliter"), "mL": regular("milliliter"),
    "cl": regular("centiliter"), "dl": regular("deciliter"), "hl": regular("hectoliter"), "gal": regular("gallon"),
    "gal.": regular("gallon"), "qt": regular("quart"), "pt": regular("pint"), "tsp": regular("teaspoon"),
    "tsp.": regular("teaspoon"), "tbsp": regular("tablespoon"), "tbsp.": regular("tablespoon"), "cc": Noun("cc", "cc"),
    "s": regular("second"), "sec": regular("second"), "secs": regular("second"), "sec.": regular("second"),
    "ms": regular("millisecond"), "µs": regular("microsecond"), "μs": regular("microsecond"), "ns": regular("nanosecond"),
    "min": regular("minute"), "mins": regular("minute"), "min.": regular("minute"), "mins.": regular("minute"),
    "h": regular("hour"), "hr": regular("hour"), "hrs": regular("hour"), "hr.": regular("hour"), "hrs.": regular("hour"),
    "yr": regular("year"), "yrs": regular("year"), "yr.": regular("year"), "yrs.": regular("year"), "mos.": regular("month"),
    "wk": regular("week"), "wks": regular("week"), "°C": Noun("degree Celsius", "degrees Celsius"),
    "° C": Noun("degree Celsius", "degrees Celsius"), "ºC": Noun("degree Celsius", "degrees Celsius"),
    "℃": Noun("degree Celsius", "degrees Celsius"), "°F": Noun("degree Fahrenheit", "degrees Fahrenheit"),
    "° F": Noun("degree Fahrenheit", "degrees Fahrenheit"), "ºF": Noun("degree Fahrenheit", "degrees Fahrenheit"),
    "℉": Noun("degree Fahrenheit", "degrees Fahrenheit"), "°": regular("degree"), "Hz": Noun("hertz", "hertz"),
    "kHz": Noun("kilohertz", "kilohertz"), "MHz": Noun("megahertz", "megahertz"), "GHz": Noun("gigahertz", "gigahertz"),
    "THz": Noun("terahertz", "terahertz"), "W": regular("watt"), "mW": regular("milliwatt"), "kW": regular("kilowatt"),
    "MW": regular("megawatt"), "GW": regular("gigawatt"), "TW": regular("terawatt"), "Wh": regular("watt hour"),
    "kWh": regular("kilowatt hour"), "MWh": regular("megawatt hour"), "GWh": regular("gigawatt hour"),
    "TWh": regular("terawatt hour"), "V": regular("volt"), "mV": regular("millivolt"), "kV": regular("kilovolt"),
    "mA": regular("milliamp"), "mAh": regular("milliamp hour"), "Ah": regular("amp hour"), "\u2126": regular("ohm"),
    "\u03a9": regular("ohm"), "kΩ": regular("kilohm"), "kJ": regular("kilojoule"), "MJ": regular("megajoule"),
    "cal": regular("calorie"), "kcal": regular("kilocalorie"), "kN": regular("kilonewton"), "Nm": regular("newton meter"),
    "Pa": regular("pascal"), "kPa": regular("kilopascal"), "hPa": regular("hectopascal"), "MPa": regular("megapascal"),
    "mbar": regular("millibar"), "bar": Noun("bar", "bar"), "psi": Noun("P S I", "P S I"),
    "mmHg": Noun("millimeter of mercury", "millimeters of mercury"), "mph": Noun("mile per hour", "miles per hour"),
    "kph": Noun("kilometer per hour", "kilometers per hour"), "kmh": Noun("kilometer per hour", "kilometers per hour"),
    "fps": Noun("frame per second", "frames per second"),
    "m/s²": Noun("meter per second squared", "meters per second squared"), "bp": Noun("basis point", "basis points"),
    "bbl": regular("barrel"), "mi.": regular("mile"), "bps": Noun("basis point", "basis points"), "c": regular("cent"),
    "bpm": Noun("beat per minute", "beats per minute"), "m/s2": Noun("meter per second squared", "meters per second squared"),
    "mpg": Noun("mile per gallon", "miles per gallon"), "rpm": Noun("revolution per minute", "revolutions per minute"),
    "dB": regular("decibel"), "dpi": Noun("D P I", "D P I"), "kt": regular("knot"), "kn": regular("knot"),
    "kts": regular("knot"), "px": regular("pixel"), "MP": regular("megapixel"),
    "ppm": Noun("part per million", "parts per million"), "ppb": Noun("part per billion", "parts per billion"),
    "¢": regular("cent"), "lx": Noun("lux", "lux"), "lm": regular("lumen"), "mol": regular("mole"),
    "mmol": regular("millimole"), "kDa": regular("kilodalton"), "ha": regular("hectare"),
    "hp": Noun("horsepower", "horsepower"), "GiB": regular("gibibyte"), "MiB": regular("mebibyte"),
    "eV": regular("electronvolt"), "MeV": regular("megaelectronvolt"), "GeV": regular("gigaelectronvolt"),
    "Sv": regular("sievert"), "mSv": regular("millisievert"), "ac": regular("acre"), "doz.": Noun("dozen", "dozen"),
    "pcs": regular("piece"), "pcs.": regular("piece"),
}  # fmt: skip

_CENTS, PENNY = regular("cent"), Noun("penny", "pence")


def _currency(name: str, minor: Noun = _CENTS, plural: str | None = None) -> Currency:
    return Currency(Noun(name, plural or f"{name}s"), minor)


_DOLLAR, _EURO, _YEN = _currency("dollar"), _currency("euro"), _currency("yen", plural="yen")
_POUND, _RUPEE = _currency("pound", PENNY), _currency("rupee", Noun("paisa", "paise"))
_YUAN, _FRANC = _currency("yuan", Noun("fen", "fen"), "yuan"), _currency("Swiss franc", Noun("centime", "centimes"))
_US_DOLLAR = _currency("U S dollar")
CURRENCIES = {
    "$": _DOLLAR, "US$": _US_DOLLAR, "USD": _US_DOLLAR, "A$": _currency("Australian dollar"),
    "AU$": _currency("Australian dollar"), "AUD": _currency("Australian dollar"), "C$": _currency("Canadian dollar"),
    "CA$": _currency("Canadian dollar"), "CAD": _currency("Canadian dollar"), "NZ$": _currency("New Zealand dollar"),
    "NZD": _currency("New Zealand dollar"), "HK$": _currency("Hong Kong dollar"), "HKD": _currency("Hong Kong dollar"),
    "S$": _currency("Singapore dollar"), "SGD": _currency("Singapore dollar"), "£": _POUND,
    "GBP": _currency("British pound", PENNY), "€": _EURO, "EUR": _EURO, "¥": _YEN, "￥": _YEN, "JPY": _YEN, "CN¥": _YUAN,
    "RMB": _YUAN, "CNY": _YUAN, "₹": _RUPEE, "INR": _RUPEE, "Rs.": _RUPEE, "Rs": _RUPEE, "CHF": _FRANC,
    "₩": _currency("won", plural="won"), "KRW": _currency("won", plural="won"),
    "₽": _currency("ruble", Noun("kopeck", "kopecks")), "RUB": _currency("ruble", Noun("kopeck", "kopecks")),
    "R$": _currency("Brazilian real", plural="Brazilian reais"), "BRL": _currency("Brazilian real", plural="Brazilian reais"),
    "₺": _currency("lira", plural="lira"), "₪": _currency("shekel", Noun("agora", "agorot")), "₿": _currency("bitcoin"),
    "BTC": _currency("bitcoin"), "₫": _currency("dong", plural="dong"), "₦": _currency("naira", plural="naira"),
    "₱": _currency("peso", Noun("centavo", "centavos")), "MX$": _currency("Mexican peso"), "MXN": _currency("Mexican peso"),
    "฿": _currency("baht", plural="baht"), "₴": _currency("hryvnia", plural="hryvnias"),
    "SEK": _currency("Swedish krona", plural="Swedish kronor"),
    "NOK": _currency("Norwegian krone", plural="Norwegian kroner"), "DKK": _currency("Danish krone", plural="Danish kroner"),
    "PLN": _currency("zloty"), "ZAR": _currency("rand", plural="rand"),
}  # fmt: skip

_THOUSAND, _MILLION = Noun("thousand", "thousand"), Noun("million", "million")
_BILLION, _TRILLION = Noun("billion", "billion"), Noun("trillion", "trillion")
MAGNITUDES = {
    "k": _THOUSAND, "K": _THOUSAND, "m": _MILLION, "M": _MILLION, "mn": _MILLION, "mm": _MILLION, "MM": _MILLION,
    "mil": _MILLION, "mil.": _MILLION, "b": _BILLION, "B": _BILLION, "bn": _BILLION, "Bn": _BILLION, "bn.": _BILLION,
    "t": _TRILLION, "T": _TRILLION, "tn": _TRILLION, "trn": _TRILLION,
}  # fmt: skip

MONTHS = {
    "January": 1, "February": 2, "March": 3, "April": 4, "May": 5, "June": 6, "July": 7, "August": 8, "September": 9,
    "October": 10, "November": 11, "December": 12,
}  # fmt: skip
MONTH_NAMES = dict(zip(MONTHS.values(), MONTHS, strict=True))
SHORT_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "Jun": 6, "Jul": 7, "Aug": 8, "Sept": 9, "Sep": 9, "Oct": 10, "Nov": 11,
    "Dec": 12,
}  # fmt: skip
WEEKDAYS = {
    "Mon": "Monday", "Tues": "Tuesday", "Tue": "Tuesday", "Wed": "Wednesday", "Thurs": "Thursday", "Thur": "Thursday",
    "Thu": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip

# What stands before a name, so that its stop ends no sentence.
TITLES = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miss", "Messrs": "Messieurs", "Mme": "Madame", "Mlle": "Mademoiselle",
    "Prof": "Professor", "Profs": "Professors", "Drs": "Doctors", "Rev": "Reverend", "Revd": "Reverend", "Hon": "Honorable",
    "Gen": "General", "Maj": "Major", "Col": "Colonel", "Lt": "Lieutenant", "Lieut": "Lieutenant", "Capt": "Captain",
    "Cpt": "Captain", "Cmdr": "Commander", "Adm": "Admiral", "Sgt": "Sergeant", "Cpl": "Corporal", "Pvt": "Private",
    "Pfc": "Private first class", "Brig": "Brigadier", "Sen": "Senator", "Rep": "Representative", "Gov": "Governor",
    "Pres": "President", "Supt": "Superintendent", "Insp": "Inspector", "Det": "Detective", "Fr": "Father",
    "Msgr": "Monsignor", "Bro": "Brother", "Amb": "Ambassador", "Sec": "Secretary", "Atty": "Attorney", "Sr": "Sister",
}  # fmt: skip

# What is read so wherever it stands. A stop at the end may end the sentence too.
ABBREVIATIONS = {
    "e.g.": "for example", "e. g.": "for example", "i.e.": "that is", "i. e.": "that is", "etc.": "et cetera",
    "&c.": "et cetera", "&c": "et cetera", "vs.": "versus", "vs": "versus", "a.k.a.": "also known as", "aka": "also known as",
    "viz.": "namely", "cf.": "compare", "et al.": "et al", "ibid.": "ibid", "approx.": "approximately", "est.": "established",
    "dept.": "department", "Dept.": "Department", "govt.": "government", "Govt.": "Government", "Inc.": "Incorporated",
    "Ltd.": "Limited", "Corp.": "Corporation", "Bros.": "Brothers", "Assn.": "Association", "Assoc.": "Associates",
    "Intl.": "International", "Natl.": "National", "Univ.": "University", "Esq.": "Esquire", "Jr.": "Junior",
    "Jnr.": "Junior", "Snr.": "Senior", "Ave.": "Avenue", "Blvd.": "Boulevard", "Rd.": "Road", "Ln.": "Lane",
    "Hwy.": "Highway", "Pkwy.": "Parkway", "Sq.": "Square", "Ter.": "Terrace", "Bldg.": "Building", "w/o": "without",
    "w/": "with", "b/c": "because", "and/or": "and or", "his/her": "his or her", "he/she": "he or she", "she/he": "she or he",
    "him/her": "him or her", "her/his": "her or his", "s/he": "she or he", "max.": "maximum", "misc.": "miscellaneous",
    "temp.": "temperature", "Ph.D.": "P H D", "Ph. D.": "P H D", "Ph.D": "P H D", "PhD": "P H D", "PhDs": "P H Ds",
    "Ph.D.s": "P H Ds", "Ed.D.": "E D D", "B.Sc.": "B S C", "M.Sc.": "M S C", "B.S.": "B S", "Litt.D.": "Lit D",
    "LL.D.": "L L D", "LL.B.": "L L B", "Bn.": "Battalion", "Inf.": "Infantry", "Regt.": "Regiment", "Div.": "Division",
    "Bde.": "Brigade", "Cav.": "Cavalry", "P/T": "part time", "F/T": "full time", "Pts.": "points", "Yrs.": "years",
    "Hrs.": "hours", "Mins.": "minutes", "Secs.": "seconds", "mos.": "months", "API": "A P I", "APIs": "A P I's",
    "CPU": "C P U", "CPUs": "C P U's", "GPU": "G P U", "GPUs": "G P U's", "CLI": "C L I", "AT&T": "A T and T",
    "C++": "C plus plus", "C#": "C sharp", "F#": "F sharp", "c/o": "care of", "lbs.": "pounds", "pH": "P H",
    "WWI": "World War One", "WWII": "World War Two", "WW1": "World War One", "WW2": "World War Two", "Bart.": "Baronet",
    "Rt. Hon.": "Right Honorable", "hon.": "honorable", "tmrw": "tomorrow", "AC/DC": "A C D C", "TCP/IP": "T C P I P",
    "Wm.": "William", "Geo.": "George", "Chas.": "Charles", "Thos.": "Thomas", "Jas.": "James", "Jno.": "John",
    "Robt.": "Robert", "Benj.": "Benjamin", "Saml.": "Samuel", "Edw.": "Edward", "Alex.": "Alexander",
}  # fmt: skip

ABBREVIATIONS |= {
    short[0].upper() + short[1:]: words[0].upper() + words[1:]
    for short, words in ABBREVIATIONS.items()
    if short[0].islower() and short.endswith(".") and "." not in short[:-1]
}

# What is read so only before a number, one and many of it.
NUMBERED = {
    "no": "number", "nos": "numbers", "nr": "number", "num": "number", "p": "page", "pp": "pages", "pg": "page",
    "pgs": "pages", "ch": "chapter", "chs": "chapters", "chap": "chapter", "chaps": "chapters", "vol": "volume",
    "vols": "volumes", "fig": "figure", "figs": "figures", "art": "article", "arts": "articles", "sec": "section",
    "secs": "sections", "sect": "section", "eq": "equation", "eqs": "equations", "op": "opus", "ext": "extension",
    "apt": "apartment", "rm": "room", "v": "verse", "vv": "verses", "par": "paragraph", "para": "paragraph", "bk": "book",
    "pt": "part", "pts": "parts", "ste": "suite", "ver": "version", "c": "circa", "ca": "circa", "cca": "circa",
    "circ": "circa", "b": "born", "d": "died", "fl": "flourished", "l": "line", "ll": "lines", "n": "note", "nn": "notes",
    "tab": "table", "approx": "approximately", "cap": "chapter", "app": "appendix", "ep": "episode", "eps": "episodes",
    "ed": "edition", "lib": "book", "sc": "scene", "tel": "telephone", "rt": "route", "jct": "junction", "r": "reigned",
    "rte": "route",
}  # fmt: skip
# Of those, what is a word of its own too, so that its stop ends a sentence: not if an article or the like stands before.
NUMBERED_WORDS = word_set("no fig art v r op app pt tab cap sec bk lib ed c b d n l p")

# Books of the Bible, before a chapter's number.
BIBLE = {
    "Gen": "Genesis", "Ex": "Exodus", "Exod": "Exodus", "Lev": "Leviticus", "Num": "Numbers", "Deut": "Deuteronomy",
    "Josh": "Joshua", "Judg": "Judges", "Sam": "Samuel", "Kgs": "Kings", "Chron": "Chronicles", "Chr": "Chronicles",
    "Neh": "Nehemiah", "Ps": "Psalm", "Pss": "Psalms", "Prov": "Proverbs", "Eccl": "Ecclesiastes", "Isa": "Isaiah",
    "Jer": "Jeremiah", "Lam": "Lamentations", "Ezek": "Ezekiel", "Dan": "Daniel", "Hos": "Hosea", "Mic": "Micah",
    "Zech": "Zechariah", "Mal": "Malachi", "Matt": "Matthew", "Mt": "Matthew", "Mk": "Mark", "Lk": "Luke", "Jn": "John",
    "Rom": "Romans", "Cor": "Corinthians", "Gal": "Galatians", "Eph": "Ephesians", "Phil": "Philippians", "Col": "Colossians",
    "Thess": "Thessalonians", "Tim": "Timothy", "Tit": "Titus", "Heb": "Hebrews", "Jas": "James", "Pet": "Peter",
    "Rev": "Revelation",
}  # fmt: skip
NUMBERED_BOOKS = word_list("Samuel Kings Chronicles Corinthians Thessalonians Timothy Peter John Maccabees Esdras")

# Kings, queens, popes and others of whom there were several of a name; and names that sons have from their fathers.
REGNAL_NAMES = word_set(
    "Henry Louis Edward George Richard Charles James William Elizabeth Mary Philip Napoleon Napoléon Catherine Katherine "
    "Peter Nicholas Alexander Ivan Frederick Friedrich Wilhelm Otto Leopold Albert Christian Gustav Gustavus Haakon "
    "Harald Olaf Olav Oscar Pius Paul John Benedict Gregory Clement Innocent Leo Urban Boniface Sixtus Julius Adrian "
    "Ramses Rameses Ramesses Thutmose Amenhotep Amenemhat Seti Psamtik Ptolemy Cleopatra Darius Xerxes Cyrus Artaxerxes "
    "Antiochus Seleucus Mithridates Ferdinand Alfonso Afonso Carlos Juan Sancho Pedro Manuel Francis François Francois "
    "Victor Emmanuel Emanuel Umberto Margaret Margrethe Beatrix Wilhelmina Robert David Malcolm Kenneth Donald "
    "Constantine Constans Justinian Justin Basil Theodosius Valentinian Michael Mehmed Mehmet Suleiman Süleyman Selim "
    "Murad Bayezid Mustafa Ahmed Osman Abdulhamid Hamid Abdul Abdullah Franz Joseph Josef Maximilian Rudolf Rudolph "
    "Ludwig Stephen Béla Bela Andrew Sigismund Casimir Władysław Wladyslaw Augustus Eric Erik Magnus Valdemar Canute Cnut "
    "Harold Baldwin Theodore Rama Anne Edmund Ethelred Æthelred Felipe Haile Rainier Hussein Farouk Fuad Faisal Zog Carol "
    "Bohemond Roger Tancred Conrad Lothair Berengar Tiberius Claudius Nerva Romanos Alexios Isaac Andronikos Celestine "
    "Honorius Anastasius Eugene Martin Callixtus Calixtus Marcellus Sylvester Alexandra Isabella Isabel Joanna Joan Maria "
    "Christina Ulrika Charlotte Henri Jean Guillaume Thomas Walter Ashurbanipal Sargon Shalmaneser Tiglath Nebuchadnezzar "
    "Montezuma Moctezuma Kamehameha Pomare Bhumibol Naresuan Mongkut Jahangir Akbar Shapur Khosrow Khosrau Yazdegerd "
    "Hormizd Bahram Gia Davis Thurston Howard Arthur Samuel"
)  # fmt: skip
# What Roman numerals count, in words; all but these are read as cardinals: Chapter IV is chapter four.
COUNTED_BY_NUMERALS = word_set(
    "chapter part book volume vol act scene section article title phase type class stage grade level mark mk war bowl "
    "episode appendix figure table plate canto verse stanza sonata symphony number opus apollo gemini saturn rocky "
    "rambo fantasy quest schedule category division group zone region area district corps army track season series "
    "round unit lesson exercise problem theorem lemma case factor nerve page pages olympiad congress council vatican "
    "wrestlemania wars trek godfather alien terminator jaws saw halo diablo civilization warcraft resident evil "
    "generation superbowl"
)

# What there are thousands and millions of.
PEOPLE = (
    "people|users|copies|views|downloads|subscribers|followers|customers|homes|jobs|shares|viewers|visitors|residents|parameters|"
    "inhabitants|years|children|men|women|voters|barrels|euros|pounds|dollars|students|workers|families|fans|entries|members|acres"
)
STATES = "A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"

STATE_NAMES = {
    "Ala": "Alabama", "Ariz": "Arizona", "Ark": "Arkansas", "Calif": "California", "Cal": "California", "Colo": "Colorado",
    "Conn": "Connecticut", "Del": "Delaware", "Fla": "Florida", "Ga": "Georgia", "Ill": "Illinois", "Ind": "Indiana",
    "Kan": "Kansas", "Kans": "Kansas", "Ky": "Kentucky", "La": "Louisiana", "Md": "Maryland", "Mass": "Massachusetts",
    "Mich": "Michigan", "Minn": "Minnesota", "Miss": "Mississippi", "Mo": "Missouri", "Mont": "Montana", "Neb": "Nebraska",
    "Nebr": "Nebraska", "Nev": "Nevada", "Okla": "Oklahoma", "Ore": "Oregon", "Pa": "Pennsylvania", "Penn": "Pennsylvania",
    "Tenn": "Tennessee", "Tex": "Texas", "Va": "Virginia", "Vt": "Vermont", "Wash": "Washington", "Wis": "Wisconsin",
    "Wyo": "Wyoming", "Ont": "Ontario",
}  # fmt: skip

# Words behind which also small Roman numerals count.
SMALL_COUNTED = word_list("chapter volume book part act scene canto page section psalm")

# Words that begin a sentence more often than a name: with one behind it, a stop of an abbreviation ends the sentence.
STARTERS = word_set(
    "A After All Although An And Another Any Are As At Because Before But By Did Do Does During Each Even Every For From "
    "Had Has Have He Her Here His How However I If In Is It Its Just Later Let Many Maybe Meanwhile Most My Next No "
    "Nobody Not Now Of Oh On Once One Only Or Our Over Perhaps Please She Since So Some Soon Still Such That The Their "
    "Them Then There These They This Those Though Three Through Thus To Today Two Under Until Was We Were What When Where "
    "Which While Who Whose Why Will With Would Yes Yet You Your"
)  # fmt: skip
