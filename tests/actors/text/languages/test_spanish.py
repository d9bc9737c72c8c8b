"""Spanish: what a reader says; the share of right ones among many more is in ``test_cases.py``."""

from actors.text.languages.spanish_numbers import cardinal, ordinal
from tests.actors.text.languages.tables import misread, read_noise, slow_runs

SENTENCES = [
    ("Compré 2 1/2 kilos de tomates.", "Compré dos kilos y medio de tomates."),
    ("Añade 1 ½ tazas de harina y ¼ de litro de leche.", "Añade una taza y media de harina y un cuarto de litro de leche."),
    ("1/2 kg de carne picada y 2½ cucharadas de azúcar.", "Medio kilo de carne picada y dos cucharadas y media de azúcar."),
    ("Dos tercios, es decir 2/3 de la población, votó.", "Dos tercios, es decir dos tercios de la población, votó."),
    (
        "El Real Decreto 463/2020 y la Ley Orgánica 3/2018.",
        "El Real Decreto cuatrocientos sesenta y tres barra dos mil veinte y la Ley Orgánica tres barra dos mil dieciocho.",
    ),
    (
        "La temporada 2021/22 y el curso 2022-2023.",
        "La temporada dos mil veintiuno veintidós y el curso dos mil veintidós dos mil veintitrés.",
    ),
    (
        "Vive en la Avda. de la Constitución, n.º 23, 4.º B.",
        "Vive en la avenida de la Constitución, número veintitrés, cuarto B.",
    ),
    ("El 23-F y el 15-M cambiaron España.", "El veintitrés F y el quince M cambiaron España."),
    ("Los niños de 5 a 10 años pagan 3 €.", "Los niños de cinco a diez años pagan tres euros."),
    ("El tren de las 7:05 llega a las 13.45 h.", "El tren de las siete y cinco llega a las trece cuarenta y cinco."),
    (
        "Horario: de lunes a viernes de 9:00 a 14:00 y de 17:00 a 20:30 h.",
        "Horario: de lunes a viernes de nueve a catorce y de diecisiete a veinte treinta.",
    ),
    ("Abierto de 9:30-14:00.", "Abierto de nueve treinta a catorce."),
    ("La película dura 1 h 45 min.", "La película dura una hora cuarenta y cinco minutos."),
    ("Llegó a la 1:15 de la madrugada.", "Llegó a la una quince de la madrugada."),
    ("Son las 00:30.", "Son las cero treinta."),
    ("El ascensor tarda 45 s.", "El ascensor tarda cuarenta y cinco segundos."),
    ("La carretera A-6 está cortada en el km 21.", "La carretera A seis está cortada en el kilómetro veintiuno."),
    ("Mide 1,75 m y pesa 70,5 kg.", "Mide uno coma setenta y cinco metros y pesa setenta coma cinco kilos."),
    (
        "La temperatura subió a 40 °C; ayer hubo 38º.",
        "La temperatura subió a cuarenta grados; ayer hubo treinta y ocho grados.",
    ),
    ("Superficie: 505.990 km².", "Superficie: quinientos cinco mil novecientos noventa kilómetros cuadrados."),
    (
        "El disco duro es de 1 TB y va a 7.200 rpm.",
        "El disco duro es de un terabyte y va a siete mil doscientas revoluciones por minuto.",
    ),
    (
        "La conexión es de 600 Mb/s, o sea 600 Mbps.",
        "La conexión es de seiscientos megabits por segundo, o sea seiscientos megabits por segundo.",
    ),
    ("El dólar cotiza a 1,0845 €.", "El dólar cotiza a uno coma cero ocho cuatro cinco euros."),
    ("Subió un 0,25 % en el 1.er trimestre.", "Subió un cero coma veinticinco por ciento en el primer trimestre."),
    (
        "Cuesta 1.299,99 € o 12.000 $.",
        "Cuesta mil doscientos noventa y nueve euros con noventa y nueve o doce mil dólares.",
    ),
    ("El presupuesto es de 1,2 M€.", "El presupuesto es de uno coma dos millones de euros."),
    ("Vale 50 mil dólares, unos 45k €.", "Vale cincuenta mil dólares, unos cuarenta y cinco mil euros."),
    ("Invirtieron 350 mill. de euros.", "Invirtieron trescientos cincuenta millones de euros."),
    ("El gasoil está a 1,65 €/l.", "El gasoil está a un euro con sesenta y cinco por litro."),
    ("Cobra 15 €/hora y paga 600 €/mes.", "Cobra quince euros por hora y paga seiscientos euros al mes."),
    ("El 50 % de 200 es 100.", "El cincuenta por ciento de doscientos es cien."),
    ("La finca mide 20 m x 30 m.", "La finca mide veinte metros por treinta metros."),
    (
        "Isabel II reinó desde 1952; Carlos III le sucedió.",
        "Isabel segunda reinó desde mil novecientos cincuenta y dos; Carlos tercero le sucedió.",
    ),
    ("Juan XXIII convocó el Concilio Vaticano II.", "Juan veintitrés convocó el Concilio Vaticano dos."),
    ("Juan Pablo II murió en 2005.", "Juan Pablo segundo murió en dos mil cinco."),
    ("Luis XVI fue guillotinado en 1793.", "Luis dieciséis fue guillotinado en mil setecientos noventa y tres."),
    ("La II Guerra Mundial terminó en 1945.", "La segunda Guerra Mundial terminó en mil novecientos cuarenta y cinco."),
    (
        "El XXV aniversario y la XXIII edición del festival.",
        "El vigesimoquinto aniversario y la vigesimotercera edición del festival.",
    ),
    ("El III Congreso y el I Encuentro de Poetas.", "El tercer Congreso y el primer Encuentro de Poetas."),
    ("En los siglos XV y XVI hubo peste.", "En los siglos quince y dieciséis hubo peste."),
    ("Entre los siglos XVIII-XIX.", "Entre los siglos dieciocho y diecinueve."),
    ("Del s. V a. C. al s. II d. C.", "Del siglo quinto antes de Cristo al siglo segundo después de Cristo."),
    ("Capítulo IV: La huida. Tomo II.", "Capítulo cuarto: La huida. Tomo dos."),
    ("Vimos Rocky III y Star Wars VI.", "Vimos Rocky tres y Star Wars seis."),
    ("La serie MCMXCII.", "La serie mil novecientos noventa y dos."),
    (
        "El artículo 14 bis y el art. 21 de la Constitución.",
        "El artículo catorce bis y el artículo veintiuno de la Constitución.",
    ),
    ("Ocupa las págs. 12-15 del vol. III.", "Ocupa las páginas doce a quince del volumen tres."),
    ("Véase p. 34 y pp. 40-45.", "Véase página treinta y cuatro y páginas cuarenta a cuarenta y cinco."),
    ("El 3.º y la 2.ª llegaron juntos.", "El tercero y la segunda llegaron juntos."),
    ("Quedó 1.º en la carrera y ella 2.ª.", "Quedó primero en la carrera y ella segunda."),
    ("Vive en el 3er piso; yo en el 5to.", "Vive en el tercer piso; yo en el quinto."),
    ("El 21.º aniversario.", "El vigesimoprimer aniversario."),
    ("La 41ª edición.", "La cuadragésima primera edición."),
    ("Nos vemos el 3/5.", "Nos vemos el tres de mayo."),
    ("Publicado el 2021-03-15.", "Publicado el quince de marzo de dos mil veintiuno."),
    ("El 5 de ene. de 2020.", "El cinco de enero de dos mil veinte."),
    ("El lunes, 14 de febrero del 2022.", "El lunes, catorce de febrero del dos mil veintidós."),
    ("A principios de los años 90 y en los 80.", "A principios de los años noventa y en los ochenta."),
    ("Fue en el 98, en los '70.", "Fue en el noventa y ocho, en los setenta."),
    ("Tengo 21 años y 31 días.", "Tengo veintiún años y treinta y un días."),
    ("Hay 21 mujeres y 1 hombre.", "Hay veintiuna mujeres y un hombre."),
    ("Unas 300.000 personas y 500 mil mujeres.", "Unas trescientas mil personas y quinientas mil mujeres."),
    ("Nacieron 1.001 niñas.", "Nacieron mil una niñas."),
    (
        "1.000.000 de euros; 2.000.000 habitantes; 3.000.000 €.",
        "Un millón de euros; dos millones de habitantes; tres millones de euros.",
    ),
    ("En 2021 las empresas crecieron.", "En dos mil veintiuno las empresas crecieron."),
    ("En 2001 muchas personas lo vieron.", "En dos mil uno muchas personas lo vieron."),
    ("El autobús 21 pasa por la calle 1.", "El autobús veintiuno pasa por la calle uno."),
    ("Tel.: 900 123 456.", "Teléfono: nueve cero cero uno dos tres cuatro cinco seis."),
    (
        "C. P. 28013, Madrid. 08001 Barcelona.",
        "Código postal dos ocho cero uno tres, Madrid. Cero ocho cero cero uno Barcelona.",
    ),
    ("Síguenos en @museodelprado con #Goya.", "Síguenos en arroba museodelprado con hashtag Goya."),
    (
        "EE.UU. y la UE; los JJ. OO. de 1992.",
        "Estados Unidos y la UE; los Juegos Olímpicos de mil novecientos noventa y dos.",
    ),
    ("El Sr. D. Juan de la Cruz, S.A.", "El señor don Juan de la Cruz, S A."),
    (
        "Santiago Ramón y Cajal, S. Juan de la Cruz y Sta. Teresa.",
        "Santiago Ramón y Cajal, san Juan de la Cruz y santa Teresa.",
    ),
    ("El general Prim y el Gral. Espartero.", "El general Prim y el general Espartero."),
    ("La empresa Hnos. García y Cía. S.L.", "La empresa Hermanos García y compañía S L."),
    ("a las 9:30 a. m. y a las 5 p.m.", "a las nueve treinta a m y a las cinco p m."),
    ("La escala es 1:50.000.", "La escala es uno a cincuenta mil."),
    ("Perdieron por 2:1 y luego 4-2.", "Perdieron por dos a uno y luego cuatro a dos."),
    ("Tensión de 120/80.", "Tensión de ciento veinte sobre ochenta."),
    ("El H₂O y el CO₂. El CO2 y H2O.", "El H dos O y el CO dos. El CO dos y H dos O."),
    ("La versión v2.5.1 y la 2.0.", "La versión dos punto cinco punto uno y la dos punto cero."),
    ("La IP es 192.168.1.1.", "La IP es uno nueve dos punto uno seis ocho punto uno punto uno."),
    ("Un iPhone 14 Pro y un Boeing 747.", "Un iPhone catorce Pro y un Boeing setecientos cuarenta y siete."),
    ("100 g de jamón, 2 l de agua, 1 l de leche.", "Cien gramos de jamón, dos litros de agua, un litro de leche."),
    (
        "1 hora, 1 día, 1 vez, 1 persona, 1 niño, 1 problema.",
        "Una hora, un día, una vez, una persona, un niño, un problema.",
    ),
    ("Una caída del -3,5 %.", "Una caída del menos tres coma cinco por ciento."),
    ("~50 personas; ±2 %.", "Aproximadamente cincuenta personas; más menos dos por ciento."),
    ("- 5 manzanas", "Cinco manzanas"),
    ("1. Introducción", "Uno. Introducción"),
    ("Ganó por 21 a 17.", "Ganó por veintiuno a diecisiete."),
    ("100 € y 1 $ y 21 £ y 200 libras.", "Cien euros y un dólar y veintiuna libras y doscientas libras."),
    ("0,50 € o 50 cts.", "Cincuenta céntimos o cincuenta céntimos."),
    ("0,05 € por unidad", "Cinco céntimos por unidad"),
    ("Entre 5 y 10 °C.", "Entre cinco y diez grados."),
    ("$ 1.500 y US$ 20.", "Mil quinientos dólares y veinte dólares."),
    ("MXN 200, 500 MXN.", "Doscientos pesos mexicanos, quinientos pesos mexicanos."),
    ("Costó 200 pesetas y 500 ptas.", "Costó doscientas pesetas y quinientas pesetas."),
    ("¿Quién es el n.º 1?", "¿Quién es el número uno?"),
    ("nº 5, Nº 7, N.º 8, núm. 9, No. 4.", "Número cinco, número siete, número ocho, número nueve, número cuatro."),
    ("C/ Mayor, 3, 2.º izq.", "Calle Mayor, tres, segundo izquierda."),
    ("s/n", "Sin número"),
    ("Av. de América, 12", "Avenida de América, doce"),
    ("hombres y/o mujeres", "hombres y o mujeres"),
    ("Ludwig & Sons", "Ludwig y Sons"),
    (
        "15 000 espectadores; 45 678 habitantes.",
        "Quince mil espectadores; cuarenta y cinco mil seiscientos setenta y ocho habitantes.",
    ),
    ("Fin.Comienzo de otra.", "Fin. Comienzo de otra."),
    (
        "La talla XL, el plan B, el grupo C, la vitamina D, rayos X.",
        "La talla XL, el plan B, el grupo C, la vitamina D, rayos X.",
    ),
    ("Malcolm X murió.", "Malcolm X murió."),
    ("OTAN, IVA, DNI.", "OTAN, IVA, DNI."),
    ("Mi hermana y mi tía 3.", "Mi hermana y mi tía tres."),
    ("El 8M.", "El ocho M."),
    ("El vuelo IB3170 sale de la T4.", "El vuelo IB tres mil ciento setenta sale de la T cuatro."),
    ("El 3 de abril a las 17 h habrá reunión.", "El tres de abril a las diecisiete horas habrá reunión."),
    ("La clase es de 10 a 11:30 h.", "La clase es de diez a once treinta."),
    ("A las 12:00 en punto.", "A las doce en punto."),
    ("A las 8:15, a las 8:45 y a las 20:00.", "A las ocho quince, a las ocho cuarenta y cinco y a las veinte."),
    ("Salimos a las 6.30 de la mañana.", "Salimos a las seis treinta de la mañana."),
    ("El maratón duró 2:05:30.", "El maratón duró dos horas, cinco minutos y treinta segundos."),
    ("Tardó 9,58 s en correr 100 m.", "Tardó nueve coma cincuenta y ocho segundos en correr cien metros."),
    ("Batió el récord con 2 h 1 min 39 s.", "Batió el récord con dos horas un minuto treinta y nueve segundos."),
    ("Velocidad: 300 000 km/s.", "Velocidad: trescientos mil kilómetros por segundo."),
    ("Pi es 3,1416 y e es 2,718.", "Pi es tres coma uno cuatro uno seis y e es dos coma siete uno ocho."),
    ("Su nota media es 8,75.", "Su nota media es ocho coma setenta y cinco."),
    (
        "El prof. Gómez vive en la av. de la Paz, esq. c/ Mayor.",
        "El profesor Gómez vive en la avenida de la Paz, esquina calle Mayor.",
    ),
    ("Véase la p. xii del prólogo y el cap. iv.", "Véase la página doce del prólogo y el capítulo cuatro."),
    ("Los 101 dálmatas y las 31 niñas.", "Los ciento un dálmatas y las treinta y una niñas."),
    ("El acusado, Luis M., y Carlos V., de 34 años.", "El acusado, Luis M., y Carlos V., de treinta y cuatro años."),
    ("Esperamos 1 hora y ½; pesó 2 kilos y ½.", "Esperamos una hora y media; pesó dos kilos y medio."),
    (
        "Gasta 6 l/100 km. Tomar 500 mg/8 h.",
        "Gasta seis litros cada cien kilómetros. Tomar quinientos miligramos cada ocho horas.",
    ),
    (
        "Tardó 2h 35' 12'' y marcó en el 90'.",
        "Tardó dos horas, treinta y cinco minutos y doce segundos y marcó en el minuto noventa.",
    ),
    (
        "Nació el 3-VI-1950. Nota: 7,5/10.",
        "Nació el tres de junio de mil novecientos cincuenta. Nota: siete coma cinco sobre diez.",
    ),
    ("Presión: 120/80 mmHg.", "Presión: ciento veinte sobre ochenta milímetros de mercurio."),
    ("De 8.00 a 15.00 horas.", "De ocho a quince horas."),
    ("El siglo I a. C. y el III d. C.", "El siglo primero antes de Cristo y el tercero después de Cristo."),
    ("Medio kg de pan y 1/4 de kg de queso.", "Medio kilo de pan y un cuarto de kilo de queso."),
    ("Piso de 3 hab. y 2 baños.", "Piso de tres habitaciones y dos baños."),
]


def test_reads_as_a_person_would() -> None:
    wrong = misread("es", SENTENCES)
    assert not wrong, "\n".join(wrong)


def test_cardinals_agree_with_what_they_count() -> None:
    words = {
        0: ["cero", "cero", "cero"],
        1: ["uno", "un", "una"],
        16: ["dieciséis", "dieciséis", "dieciséis"],
        21: ["veintiuno", "veintiún", "veintiuna"],
        22: ["veintidós", "veintidós", "veintidós"],
        31: ["treinta y uno", "treinta y un", "treinta y una"],
        100: ["cien", "cien", "cien"],
        101: ["ciento uno", "ciento un", "ciento una"],
        200: ["doscientos", "doscientos", "doscientas"],
        500: ["quinientos", "quinientos", "quinientas"],
        700: ["setecientos", "setecientos", "setecientas"],
        999: ["novecientos noventa y nueve", "novecientos noventa y nueve", "novecientas noventa y nueve"],
        1000: ["mil", "mil", "mil"],
        1001: ["mil uno", "mil un", "mil una"],
        21_000: ["veintiún mil", "veintiún mil", "veintiún mil"],
        200_000: ["doscientos mil", "doscientos mil", "doscientas mil"],
        10**6: ["un millón", "un millón", "un millón"],
        2_000_200: ["dos millones doscientos", "dos millones doscientos", "dos millones doscientas"],
        10**9: ["mil millones", "mil millones", "mil millones"],
        3 * 10**12: ["tres billones", "tres billones", "tres billones"],
    }
    assert {value: [cardinal(value, gender) for gender in "-mf"] for value in words} == words


def test_ordinals() -> None:
    words = {
        1: "primero",
        7: "séptimo",
        11: "undécimo",
        13: "decimotercero",
        18: "decimoctavo",
        20: "vigésimo",
        21: "vigesimoprimero",
        45: "cuadragésimo quinto",
        100: "centésimo",
        1000: "milésimo",
    }
    assert {value: ordinal(value) for value in words} == words


def test_every_number_is_told_from_others() -> None:
    assert len({cardinal(value, "-") for value in range(20_000)}) == 20_000
    assert len({ordinal(value) for value in range(2000)}) == 2000


def test_never_raises() -> None:
    read_noise("es")


def test_no_run_of_characters_takes_long() -> None:
    assert not slow_runs("es")
