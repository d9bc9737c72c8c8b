"""The words of Portuguese: units, currencies, names and abbreviations; Brazilian where there are two forms."""

from actors.text.languages.context import word_list, word_set
from actors.text.languages.language import Currency, Noun, Words, regular, same

WORDS = Words(
    point="vírgula",
    minus="menos",
    plus="mais",
    plus_minus="mais ou menos",
    times="vezes",
    by="por",
    divided="dividido por",
    equals="é igual a",
    unequal="é diferente de",
    about="cerca de",
    nearly="é aproximadamente igual a",
    less="é menor que",
    less_equal="é menor ou igual a",
    greater="é maior que",
    greater_equal="é maior ou igual a",
    root="raiz quadrada de",
    power="elevado a",
    squared="ao quadrado",
    cubed="ao cubo",
    to="a",
    over="sobre",
    per="por",
    of="de",
    and_="e",
    percent="por cento",
    per_mille="por mil",
    section="parágrafo",
    sections="parágrafos",
    number="número",
    copyright="copyright",
    at="arroba",
    dot="ponto",
    dot_in_version="ponto",
    slash="barra",
    dash="hífen",
    underscore="sublinhado",
    hashtag="hashtag",
)


def _with(noun: Noun, behind: str) -> Noun:
    return Noun(f"{noun.one} {behind}", f"{noun.many} {behind}s", noun.gender)


_LENGTHS = {
    f"{symbol}m": regular(name)
    for symbol, name in (
        ("k", "quilômetro"), ("h", "hectômetro"), ("", "metro"), ("d", "decímetro"), ("c", "centímetro"), ("m", "milímetro"),
        ("µ", "micrômetro"), ("μ", "micrômetro"), ("n", "nanômetro"),
    )
}  # fmt: skip
_AREAS = {f"{unit}{mark}": _with(noun, "quadrado") for unit, noun in _LENGTHS.items() for mark in "²2"}
_VOLUMES = {f"{unit}{mark}": _with(noun, "cúbico") for unit, noun in _LENGTHS.items() for mark in "³3"}
_WEIGHTS = {
    f"{symbol}g": regular(f"{prefix}grama")
    for symbol, prefix in (
        ("k", "quilo"),
        ("K", "quilo"),
        ("", ""),
        ("m", "mili"),
        ("c", "centi"),
        ("µ", "micro"),
        ("μ", "micro"),
    )
}
_LITRES = {
    f"{symbol}{litre}": regular(f"{prefix}litro")
    for symbol, prefix in (("h", "hecto"), ("", ""), ("d", "deci"), ("c", "centi"), ("m", "mili"), ("µ", "micro"))
    for litre in "lL"
}
_PREFIXES = (("k", "quilo"), ("K", "quilo"), ("M", "mega"), ("G", "giga"), ("T", "tera"), ("P", "peta"))
_BYTES = {f"{symbol}B": regular(f"{prefix}byte") for symbol, prefix in _PREFIXES}
_BITS = {f"{symbol}{bit}": regular(f"{prefix}bit") for symbol, prefix in _PREFIXES for bit in ("b", "bit", "bits")}
_RATES = {f"{symbol}bps": Noun(f"{prefix}bit por segundo", f"{prefix}bits por segundo") for symbol, prefix in _PREFIXES}
_POWERS = (("m", "mili"), ("", ""), ("k", "quilo"), ("M", "mega"), ("G", "giga"), ("T", "tera"))
_ELECTRIC = {
    f"{symbol}{unit}": regular(f"{prefix}{name}")
    for symbol, prefix in _POWERS
    for unit, name in (("W", "watt"), ("V", "volt"), ("Pa", "pascal"), ("J", "joule"), ("N", "newton"))
    if symbol or unit not in ("J", "N")
}
_PASCALS = {symbol: Noun(noun.one, f"{noun.one[:-1]}is") for symbol, noun in _ELECTRIC.items() if symbol.endswith("Pa")}
_HERTZ = {f"{symbol}Hz": same(f"{prefix}hertz") for symbol, prefix in _POWERS}
_HOURS = {f"{symbol}Wh": Noun(f"{prefix}watt-hora", f"{prefix}watts-hora") for symbol, prefix in _POWERS}
_CELSIUS, _FAHRENHEIT = Noun("grau Celsius", "graus Celsius"), Noun("grau Fahrenheit", "graus Fahrenheit")
_HORSE, _TURN = regular("cavalo"), Noun("rotação por minuto", "rotações por minuto", "f")

UNITS = {
    **_LENGTHS, **_AREAS, **_VOLUMES, **_WEIGHTS, **_LITRES, **_BYTES, **_BITS, **_RATES, **_ELECTRIC, **_PASCALS, **_HERTZ,
    **_HOURS,
    "mA": regular("miliampère"), "mAh": regular("miliampère-hora"), "Ω": regular("ohm"), "t": regular("tonelada", "f"),
    "ton": regular("tonelada", "f"), "ton.": regular("tonelada", "f"), "ha": regular("hectare"), "h": regular("hora",
    "f"),
    "hs": regular("hora", "f"), "min": regular("minuto"), "min.": regular("minuto"), "s": regular("segundo"),
    "seg": regular("segundo"),
    "seg.": regular("segundo"), "ms": regular("milissegundo"), "µs": regular("microssegundo"),
    "ns": regular("nanossegundo"),
    "°C": _CELSIUS, "ºC": _CELSIUS, "° C": _CELSIUS, "º C": _CELSIUS, "°F": _FAHRENHEIT, "ºF": _FAHRENHEIT,
    "°": regular("grau"),
    "bar": Noun("bar", "bares"), "dB": Noun("decibel", "decibéis"), "lm": regular("lúmen"), "lx": same("lux"),
    "cal": regular("caloria", "f"),
    "kcal": regular("quilocaloria", "f"), "cv": _HORSE, "CV": _HORSE, "hp": _HORSE, "HP": _HORSE, "rpm": _TURN, "RPM": _TURN,
    "mmHg": Noun("milímetro de mercúrio", "milímetros de mercúrio"), "ppm": Noun("parte por milhão", "partes por milhão",
    "f"),
    "px": Noun("pixel", "pixels"), "MP": Noun("megapixel", "megapixels"), "hab": Noun("habitante", "habitantes"),
    "hab.": Noun("habitante", "habitantes"),
    "pol": regular("polegada", "f"), "pol.": regular("polegada", "f"), "mi²": _with(regular("milha", "f"), "quadrada"),
    "p.p.": Noun("ponto percentual", "pontos percentuais"), "pp": Noun("ponto percentual", "pontos percentuais"),
    "pts": regular("ponto"),
    "un.": regular("unidade", "f"), "unid.": regular("unidade", "f"), "pç": regular("peça", "f"), "dz.": regular("dúzia",
    "f"), "mph": Noun("milha por hora", "milhas por hora", "f"),
    "eV": Noun("elétron-volt", "elétron-volts"), "MeV": Noun("megaelétron-volt", "megaelétron-volts"),
    "UI": Noun("unidade internacional", "unidades internacionais", "f"),
    "m/s²": Noun("metro por segundo ao quadrado", "metros por segundo ao quadrado"), "nós": Noun("nó", "nós"),
    "kgf": regular("quilograma-força"),
    "l/100 km": Noun("litro aos cem quilômetros", "litros aos cem quilômetros"), "l/100km": Noun("litro aos cem quilômetros",
    "litros aos cem quilômetros"),
}  # fmt: skip

_CENT, _CENTIME = regular("centavo"), regular("cêntimo")


def _currency(name: str, minor: Noun = _CENT, gender: str = "m", plural: str | None = None) -> Currency:
    return Currency(Noun(name, plural or f"{name}s", gender), minor)


_DOLLAR, _EURO, _REAL = _currency("dólar", plural="dólares"), _currency("euro", _CENTIME), _currency("real", plural="reais")
_POUND = _currency("libra", Noun("pêni", "pence"), "f")
_CROWN, _YUAN = _currency("coroa", regular("øre"), "f"), _currency("yuan", regular("fen"))
_RUBLE, _RUPEE = _currency("rublo", Noun("copeque", "copeques")), _currency("rupia", Noun("paisa", "paisas"), "f")


def _dollar(of: str) -> Currency:
    return _currency(f"dólar {of}", plural=f"dólares {of}s")


ESCUDO = regular("escudo")
CURRENCIES = {
    "Esc.": Currency(ESCUDO, _CENT), "esc.": Currency(ESCUDO, _CENT), "PTE": Currency(ESCUDO, _CENT),
    "Cr$": _currency("cruzeiro"),
    "R$": _REAL, "BRL": _REAL, "$": _DOLLAR, "US$": _DOLLAR, "U$": _DOLLAR, "USD": _DOLLAR, "€": _EURO, "EUR": _EURO,
    "£": _POUND, "GBP": _POUND,
    "¥": _currency("iene", regular("sen")), "JPY": _currency("iene", regular("sen")), "CNY": _YUAN, "RMB": _YUAN,
    "C$": _dollar("canadense"),
    "CA$": _dollar("canadense"), "CAD": _dollar("canadense"), "A$": _dollar("australiano"), "AUD": _dollar("australiano"),
    "CHF": _currency("franco suíço", _CENTIME, plural="francos suíços"), "₽": _RUBLE, "RUB": _RUBLE, "₹": _RUPEE,
    "INR": _RUPEE,
    "₩": _currency("won"), "₿": _currency("bitcoin"), "BTC": _currency("bitcoin"),
    "ARS": _currency("peso argentino", plural="pesos argentinos"),
    "MXN": _currency("peso mexicano", plural="pesos mexicanos"), "CLP": _currency("peso chileno", plural="pesos chilenos"),
    "Kz": _currency("kwanza", Noun("cêntimo", "cêntimos")), "AOA": _currency("kwanza", _CENTIME),
    "MZN": _currency("metical", plural="meticais"),
    "SEK": _CROWN, "NOK": _CROWN, "DKK": _CROWN, "₺": _currency("lira", Noun("kuruş", "kuruş"), "f"),
    "¢": Currency(_CENT, _CENT),
    "reais": _REAL, "real": _REAL, "euros": _EURO, "euro": _EURO, "dólares": _DOLLAR, "dólar": _DOLLAR, "libras": _POUND,
}  # fmt: skip

THOUSAND = Noun("mil", "mil")
_MILLION, _BILLION, _TRILLION = Noun("milhão", "milhões"), Noun("bilhão", "bilhões"), Noun("trilhão", "trilhões")
MAGNITUDES = {
    "mil": THOUSAND, "k": THOUSAND, "K": THOUSAND, "mi": _MILLION, "M": _MILLION, "MM": _MILLION, "mm": _MILLION,
    "mln": _MILLION,
    "bi": _BILLION, "B": _BILLION, "tri": _TRILLION,
}  # fmt: skip

MONTH_NAMES = word_list("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro")
SHORT_MONTHS = {name[:3]: number for number, name in enumerate(MONTH_NAMES, 1)}
MONTHS = {
    **{name: number for number, name in enumerate(MONTH_NAMES, 1)},
    **{f"{short}.": number for short, number in SHORT_MONTHS.items()},
    **SHORT_MONTHS,
}
WEEKDAYS = {
    "seg": "segunda", "ter": "terça", "qua": "quarta", "qui": "quinta", "sex": "sexta", "sáb": "sábado", "sab": "sábado",
    "dom": "domingo",
}  # fmt: skip

TITLES = {
    "Sr": "senhor", "Sra": "senhora", "Srs": "senhores", "Sras": "senhoras", "Srta": "senhorita", "Srtas": "senhoritas",
    "Sr.ª": "senhora",
    "Sr.a": "senhora", "Srª": "senhora", "Dr": "doutor", "Dra": "doutora", "Drs": "doutores", "Dras": "doutoras",
    "Dr.ª": "doutora", "Dr.a": "doutora", "Drª": "doutora",
    "Prof": "professor", "Profa": "professora", "Profs": "professores", "Profas": "professoras", "Prof.ª": "professora",
    "Prof.a": "professora",
    "Profª": "professora", "Exmo": "excelentíssimo", "Exma": "excelentíssima", "Exmos": "excelentíssimos",
    "Ilmo": "ilustríssimo", "Ilma": "ilustríssima",
    "Eng": "engenheiro", "Eng.º": "engenheiro", "Eng.ª": "engenheira", "Enga": "engenheira", "Engº": "engenheiro",
    "Arq": "arquiteto", "Adv": "advogado",
    "Cel": "coronel", "Cap": "capitão", "Gen": "general", "Gal": "general", "Sgt": "sargento", "Ten": "tenente",
    "Maj": "major", "Alm": "almirante",
    "Brig": "brigadeiro", "Cb": "cabo", "Pe": "padre", "Fr": "frei", "Ir": "irmã", "Dep": "deputado", "Sen": "senador",
    "Min": "ministro", "Pres": "presidente",
    "Gov": "governador", "Des": "desembargador", "Emb": "embaixador", "Mons": "monsenhor", "Sto": "Santo", "Sta": "Santa",
    "Me": "mestre", "Ma": "mestra",
    "V. Ex.ª": "Vossa Excelência", "V. Exa": "Vossa Excelência", "V.Exa": "Vossa Excelência", "V. Ex.a": "Vossa Excelência",
    "V. S.ª": "Vossa Senhoria", "V. Sa": "Vossa Senhoria",
    "S. Ex.ª": "Sua Excelência", "S. Exa": "Sua Excelência", "S.M": "Sua Majestade", "S.A.R": "Sua Alteza Real",
    "N. Sra": "Nossa Senhora", "N. S.ª": "Nossa Senhora", "N.S": "Nossa Senhora",
}  # fmt: skip
# Those that are written without a stop too.
_UNSTOPPED = word_set("Sr Sra Srs Sras Srta Dr Dra Drs Dras Prof Profa Eng")
TITLES = {
    **{f"{short}.": word for short, word in TITLES.items() if short[-1] not in "ªº"},
    **{short: word for short, word in TITLES.items() if short in _UNSTOPPED or short[-1] in "ªº"},
    "Sr.ª": "senhora", "Sr.a": "senhora", "Dr.a": "doutora", "Prof.a": "professora",
}  # fmt: skip

ABBREVIATIONS = {
    "etc.": "etcétera", "etc": "etcétera", "p. ex.": "por exemplo", "p.ex.": "por exemplo", "por ex.": "por exemplo",
    "ex.": "exemplo", "e.g.": "por exemplo",
    "i.e.": "isto é", "i. e.": "isto é", "a.C.": "antes de Cristo", "a. C.": "antes de Cristo", "AC.": "antes de Cristo",
    "d.C.": "depois de Cristo",
    "d. C.": "depois de Cristo", "a.C": "antes de Cristo", "d.C": "depois de Cristo", "obs.": "observação",
    "ref.": "referência", "séc.": "século", "sécs.": "séculos",
    "tel.": "telefone", "tels.": "telefones", "cel.": "celular", "máx.": "máximo", "mín.": "mínimo",
    "aprox.": "aproximadamente", "c/": "com", "s/": "sem",
    "p/": "para", "c/c": "combinado com", "s/n": "sem número", "s/nº": "sem número", "s/n.º": "sem número", "S.A.": "S A",
    "S/A": "S A", "ltda.": "limitada", "Ltda": "Limitada", "lda.": "limitada", "cia.": "companhia", "Cia": "Companhia",
    "depto.": "departamento", "dept.": "departamento", "dep.": "departamento", "univ.": "universidade", "gov.": "governo",
    "min.": "mínimo", "av.": "avenida", "Av": "Avenida", "al.": "alameda",
    "pç.": "praça", "pça.": "praça", "pca.": "praça", "trav.": "travessa", "tv.": "travessa", "rod.": "rodovia",
    "estr.": "estrada", "lgo.": "largo", "jd.": "jardim", "vl.": "vila",
    "bl.": "bloco", "ap.": "apartamento", "apto.": "apartamento", "apto": "apartamento", "apt.": "apartamento",
    "and.": "andar", "esq.": "esquerdo", "dto.": "direito", "ed.": "edição", "Ed.": "Edifício",
    "end.": "endereço", "vs": "versus", "vs.": "versus", "cf.": "confira", "id.": "idem", "ibid.": "ibidem",
    "op. cit.": "opus citatum", "et al.": "et alii", "jr.": "júnior", "Jr": "Júnior",
    "org.": "organizador", "orgs.": "organizadores", "coord.": "coordenador", "trad.": "tradução", "adj.": "adjetivo",
    "adv.": "advérbio", "sing.": "singular", "pl.": "plural",
    "masc.": "masculino", "fem.": "feminino", "pág.": "página", "págs.": "páginas", "cap.": "capítulo", "caps.": "capítulos",
    "vol.": "volume", "vols.": "volumes", "fig.": "figura", "art.": "artigo",
    "arts.": "artigos", "inc.": "inciso", "par.": "parágrafo", "qtd.": "quantidade", "qtde.": "quantidade", "tb.": "também",
    "tb": "também", "vc": "você", "vcs": "vocês", "pq": "porque", "qdo": "quando", "mto": "muito",
    "hab.": "habitantes", "dr.": "doutor", "dra.": "doutora", "sr.": "senhor", "sra.": "senhora", "srs.": "senhores",
    "prof.": "professor", "profa.": "professora", "P.S.": "pós-escrito", "N.B.": "nota bem", "a/c": "aos cuidados de",
    "km/h": "quilômetros por hora",
    "m/s": "metros por segundo", "e/ou": "e ou", "C++": "C mais mais", "C#": "C sharp", "km": "quilômetros",
    "kg": "quilogramas", "cm": "centímetros", "mm": "milímetros",
    "kWh": "quilowatts-hora", "resp.": "resposta", "loc.": "localização", "bras.": "brasileiro", "port.": "português",
    "ingl.": "inglês", "lat.": "latim", "méd.": "médio", "sup.": "superior", "inf.": "inferior", "prov.": "provavelmente",

    "fl.": "folha", "fls.": "folhas", "proc.": "processo", "rel.": "relator", "func.": "funcionário", "sec.": "secretaria",
    "secr.": "secretaria", "assoc.": "associação", "inst.": "instituto", "fac.": "faculdade",
    "const.": "constituição", "cód.": "código", "pgto.": "pagamento", "pagto.": "pagamento", "créd.": "crédito",
    "doc.": "documento", "docs.": "documentos", "tít.": "título", "tam.": "tamanho",
}  # fmt: skip
NUMBERED = {
    "n.": "número",
    "n.º": "número", "nº": "número", "n°": "número", "n.°": "número", "n.o": "número", "no.": "número", "num.": "número",
    "núm.": "número", "n.os": "números",
    "nºs": "números", "nos.": "números", "p.": "página", "pp.": "páginas", "pág.": "página", "págs.": "páginas",
    "pg.": "página", "pgs.": "páginas", "vol.": "volume", "v.": "volume", "t.": "tomo",
    "cap.": "capítulo", "caps.": "capítulos", "art.": "artigo", "arts.": "artigos", "fig.": "figura", "figs.": "figuras",
    "tab.": "tabela", "ex.": "exercício", "ed.": "edição", "km": "quilômetro", "séc.": "século",
    "sécs.": "séculos", "c.": "cerca de", "ca.": "cerca de", "inc.": "inciso", "al.": "alínea", "ap.": "apartamento",
    "apto.": "apartamento", "bl.": "bloco", "lj.": "loja", "qd.": "quadra", "lt.": "lote", "sl.": "sala", "ep.": "episódio",
    "vers.": "versículo",
    "tel.": "telefone", "cel.": "celular", "fl.": "folha", "fls.": "folhas", "op.": "opus",
}  # fmt: skip

COUNTED_BY_NUMERALS = word_set(
    "capítulo capítulos cap tomo tomos volume volumes vol livro livros ato atos cena cenas parte partes seção secção título "
    "títulos artigo artigos art anexo anexos fase tipo classe grupo nível divisão grau figura tabela sinfonia número nº "
    "página páginas p nota canto estrofe episódio temporada zona corpo rocky rambo apolo saturno lição exercício problema "
    "inciso item quadro liga categoria mark módulo unidade etapa rodada star wars geração série lote bloco torre estágio"
)
REGNAL_WOMEN = word_set(
    "Maria Isabel Elizabeth Elisabete Elisabeth Catarina Leonor Joana Ana Vitória Cristina Margarida Margarete Beatriz "
    "Guilhermina Cleópatra Teresa Carlota Mary Luísa Matilde Constança Urraca Filipa"
)
REGNAL_NAMES = REGNAL_WOMEN | word_set(
    "João Pedro Manuel Afonso Sancho Dinis Fernando Duarte Sebastião Henrique Filipe Felipe José Miguel Luís Luiz Carlos "
    "Napoleão Jorge Eduardo Guilherme Ricardo Jaime Francisco Paulo Pio Bento Leão Gregório Clemente Inocêncio Urbano "
    "Bonifácio Sisto Júlio Adriano Alexandre Nicolau Ivan Ivã Frederico Otão Oto Leopoldo Alberto Balduíno Gustavo Ramsés "
    "Tutmés Tutemés Amenófis Ptolomeu Dario Xerxes Ciro Alfonso Juan Humberto Vítor Vitor Emanuel Manoel Maximiliano "
    "Rodolfo Estêvão Estevão Sigismundo Casimiro Augusto Cristiano Haroldo Constantino Justiniano Teodósio Basílio Mehmed "
    "Maomé Solimão Selim Hassan Mohammed Abdullah Celestino Silvestre Eugênio Eugénio Martinho Calisto Honório Teodoro "
    "Valdemar Erik Érico Olavo Magnus Haakon Óscar Oscar Roberto Davi David Malcom Tibério Cláudio Nabucodonosor Sargão "
    "Montezuma Menelik Rainier Hussein Faruk Raimundo Rogério Conrado Lotário Ludovico Wilhelm Friedrich Franz Louis Henri "
    "Charles George Edward William Philippe Ferdinand Alexander Nicholas Peter Paul John Clóvis Quilderico Pepino Carlomano "
    "Roger Amadeu Tancredo"
)
RULERS = word_set(
    "rei rainha papa imperador imperatriz dom dona d czar tsar czarina príncipe princesa duque faraó sultão kaiser patriarca"
)
SAINTS = (
    "Paulo|Pedro|João|José|Francisco|Jorge|Miguel|Bento|Sebastião|Vicente|Luís|Luiz|Bernardo|Gonçalo|Tomé|Tiago|Mateus|Lucas|Marcos|"
    "Martinho|Roque|Lourenço|Brás|Gabriel|Rafael|Domingos|Cristóvão|Nicolau|Mamede|Salvador|Caetano|Carlos|Bernardino|Valentim|Judas"
)

# What a number is of that names something, in front of it: it is masculine.
NAMED_BY_NUMBER = word_set(
    "página páginas pág p número nº n ano anos capítulo artigo linha sala quarto rua rota versículo parágrafo tomo volume "
    "figura exercício questão porta portão seção etapa item dia lei canal casa apartamento apto bloco fase tabela nota loja "
    "plataforma avenida rodovia estação voo ônibus lote quadra decreto processo episódio temporada"
)
YEAR_WORDS = word_set(
    "em de desde até ano anos antes depois após por entre e início fim final meados verão inverno primavera outono do no"
)

STARTERS = word_set(
    "O A Os As Um Uma Uns Umas Ele Ela Eles Elas Eu Nós Você Vocês Este Esta Esse Essa Isso Isto Aquele Aquela Aquilo Mas E "
    "Ou Se Quando Como Por Para Em No Na Nos Nas Do Da Dos Das De Ao À Aos Às Com Sem Sob Sobre Após Antes Depois Desde "
    "Durante Então Assim Enfim Também Mesmo Meu Minha Meus Minhas Seu Sua Seus Suas Nosso Nossa Quem Que Qual Quais Onde "
    "Porque Pois Porém Contudo Todavia Embora Todo Toda Todos Todas Mais Menos Hoje Ontem Amanhã Bem Muito Muita Muitos "
    "Pouco Não Nunca Sim Já Ainda Cada Vários Várias Alguns Algumas Nenhum Nenhuma Ninguém Nada Há Houve Foi É São Era Eram "
    "Está Estão Tem Têm Segundo Conforme Entretanto Portanto Logo Lá Aqui Ali Agora Dois Duas Três"
)
