"""Italian: what a reader says; the share of right ones among many more is in ``test_cases.py``."""

from actors.text.languages.italian_numbers import cardinal, ordinal
from tests.actors.text.languages.tables import misread, read_noise, slow_runs

SENTENCES = [
    (
        "Aggiungere 2 1/2 bicchieri di latte e 1 ½ cucchiai di zucchero.",
        "Aggiungere due bicchieri e mezzo di latte e un cucchiaio e mezzo di zucchero.",
    ),
    (
        "¼ di litro, 1/2 kg di farina, ¾ d'ora, ½ ora, 1/2 mela.",
        "Un quarto di litro, mezzo chilo di farina, tre quarti d'ora, mezz'ora, mezza mela.",
    ),
    ("I due terzi (2/3) della popolazione.", "I due terzi (due terzi) della popolazione."),
    (
        "Il D.Lgs. 81/2008 e la legge n. 104/1992.",
        "Il decreto legislativo ottantuno del duemilaotto e la legge numero centoquattro del millenovecentonovantadue.",
    ),
    (
        "La stagione 2021/22 e l'anno scolastico 2022-2023.",
        "La stagione duemilaventuno ventidue e l'anno scolastico duemilaventidue duemilaventitré.",
    ),
    ("Abita in V.le Europa, 23, int. 4.", "Abita in viale Europa, ventitré, interno quattro."),
    (
        "L'8 marzo, l'11 settembre, il 1° gennaio e il 25 aprile.",
        "L'otto marzo, l'undici settembre, il primo gennaio e il venticinque aprile.",
    ),
    ("Il treno delle 7.05 arriva alle 13.45.", "Il treno delle sette e cinque arriva alle tredici e quarantacinque."),
    (
        "Orario: dal lunedì al venerdì, 9.00-13.00 e 15:00-19:30.",
        "Orario: dal lunedì al venerdì, dalle nove alle tredici e dalle quindici alle diciannove e trenta.",
    ),
    ("Il film dura 1 h 45 min.", "Il film dura un'ora quarantacinque minuti."),
    ("All'1:15 di notte. Alle 00:30. Alle 21.", "All'una e quindici di notte. Alle zero e trenta. Alle ventuno."),
    ("Ore 9, ore 9.00, h 20.30, h. 21:00.", "Ore nove, ore nove, ore venti e trenta, ore ventuno."),
    ("L'autostrada A1 è chiusa al km 21.", "L'autostrada A uno è chiusa al chilometro ventuno."),
    ("È alto 1,75 m e pesa 70,5 kg.", "È alto uno virgola settantacinque metri e pesa settanta virgola cinque chili."),
    ("La temperatura è di 40 °C; ieri 38°.", "La temperatura è di quaranta gradi; ieri trentotto gradi."),
    ("Superficie: 301.340 km².", "Superficie: trecentounomilatrecentoquaranta chilometri quadrati."),
    ("Un disco da 1 TB a 7.200 giri/min.", "Un disco da un terabyte a settemiladuecento giri al minuto."),
    (
        "Il PIL è cresciuto dello 0,5 % nel 1° trimestre.",
        "Il PIL è cresciuto dello zero virgola cinque per cento nel primo trimestre.",
    ),
    ("Costa 1.299,99 € oppure 12.000 $.", "Costa milleduecentonovantanove euro e novantanove oppure dodicimila dollari."),
    (
        "Uno stanziamento di 1,2 mln di euro e 350 mld.",
        "Uno stanziamento di uno virgola due milioni di euro e trecentocinquanta miliardi.",
    ),
    (
        "Vale 50mila dollari, circa 45k €; 200 mila euro.",
        "Vale cinquantamila dollari, circa quarantacinquemila euro; duecentomila euro.",
    ),
    (
        "10 mila persone, 100mila abitanti, 1,5 milioni di euro.",
        "Diecimila persone, centomila abitanti, uno virgola cinque milioni di euro.",
    ),
    (
        "Il gasolio costa 1,65 €/l, la carne 15 €/kg.",
        "Il gasolio costa un euro e sessantacinque al litro, la carne quindici euro al chilo.",
    ),
    ("Guadagna 15 €/ora e 600 €/mese.", "Guadagna quindici euro all'ora e seicento euro al mese."),
    ("Il 50% di 200 è 100.", "Il cinquanta per cento di duecento è cento."),
    (
        "Elisabetta II regnò dal 1952; Carlo III le succedette.",
        "Elisabetta seconda regnò dal millenovecentocinquantadue; Carlo terzo le succedette.",
    ),
    ("Papa Giovanni Paolo II morì nel 2005.", "Papa Giovanni Paolo secondo morì nel duemilacinque."),
    ("Vittorio Emanuele II e Umberto I.", "Vittorio Emanuele secondo e Umberto primo."),
    (
        "La XXV edizione del festival e il XIX congresso.",
        "La venticinquesima edizione del festival e il diciannovesimo congresso.",
    ),
    ("Nel V secolo a.C. e nel I secolo d.C.", "Nel quinto secolo avanti Cristo e nel primo secolo dopo Cristo."),
    (
        "Capitolo IV. Atto III, scena II. Canto XXXIII dell'Inferno.",
        "Capitolo quarto. Atto terzo, scena seconda. Canto trentatreesimo dell'Inferno.",
    ),
    ("Rocky IV e Star Wars VI.", "Rocky quattro e Star Wars sei."),
    (
        "Via XX Settembre, via IV Novembre, piazza XXV Aprile.",
        "Via venti Settembre, via quattro Novembre, piazza venticinque Aprile.",
    ),
    (
        "L'art. 21 della Costituzione, artt. 3 e 4, co. 2.",
        "L'articolo ventuno della Costituzione, articoli tre e quattro, comma due.",
    ),
    (
        "Vedi pagg. 12-15 del vol. III, p. 34 e pp. 40-45.",
        "Vedi pagine dodici quindici del volume tre, pagina trentaquattro e pagine quaranta quarantacinque.",
    ),
    (
        "Il 21° secolo. La 41ª edizione. Il 100º anniversario.",
        "Il ventunesimo secolo. La quarantunesima edizione. Il centesimo anniversario.",
    ),
    ("Ci vediamo il 3/5.", "Ci vediamo il tre maggio."),
    (
        "Nato il 31-12-1999, morto il 15.03.2021.",
        "Nato il trentuno dicembre millenovecentonovantanove, morto il quindici marzo duemilaventuno.",
    ),
    ("Pubblicato il 2021-03-15.", "Pubblicato il quindici marzo duemilaventuno."),
    (
        "Il 5 gen. 2020, lun. 14 febbraio 2022.",
        "Il cinque gennaio duemilaventi, lunedì quattordici febbraio duemilaventidue.",
    ),
    (
        "Gli anni '90, negli anni 60, nel '68, nel '900, dell'800.",
        "Gli anni novanta, negli anni sessanta, nel sessantotto, nel novecento, dell'ottocento.",
    ),
    ("Ho 21 anni, 31 giorni, 1 anno, 1 mese.", "Ho ventun anni, trentuno giorni, un anno, un mese."),
    ("C'erano 21 donne e 1 uomo.", "C'erano ventuno donne e un uomo."),
    (
        "1 zaino, 1 studente, 1 psicologo, 1 amica, 1 euro, 1 problema.",
        "Uno zaino, uno studente, uno psicologo, un'amica, un euro, un problema.",
    ),
    (
        "1.000.000 di euro; 2.000.000 abitanti; 3.000.000 €.",
        "Un milione di euro; due milioni di abitanti; tre milioni di euro.",
    ),
    ("Nel 2021 le imprese crescono.", "Nel duemilaventuno le imprese crescono."),
    ("L'autobus 21 passa per via Roma 1.", "L'autobus ventuno passa per via Roma uno."),
    (
        "CAP 20121, Milano. 00185 Roma. 20121 Milano.",
        "CAP due zero uno due uno, Milano. Zero zero uno otto cinque Roma. Due zero uno due uno Milano.",
    ),
    ("Seguici su @museodelprado con #Roma.", "Seguici su chiocciola museodelprado con hashtag Roma."),
    ("Il Dott. Ing. Rossi della S.p.A.", "Il dottor ingegner Rossi della S P A."),
    (
        "Piero della Francesca, S. Antonio, S. Pietro, S. Maria, S. Stefano e Ss. Pietro e Paolo.",
        "Piero della Francesca, sant'Antonio, san Pietro, santa Maria, santo Stefano e santi Pietro e Paolo.",
    ),
    ("alle 9:30 a.m.", "alle nove e trenta a m."),
    ("La scala è 1:50.000.", "La scala è uno a cinquantamila."),
    ("Hanno perso per 2:1 e poi 4-2.", "Hanno perso per due a uno e poi quattro a due."),
    ("H₂O e CO₂, CO2 e H2O.", "H due O e CO due, CO due e H due O."),
    ("Windows 11 e Python 3.11.", "Windows undici e Python tre punto undici."),
    ("La versione v2.5.1 e la 2.0.", "La versione due punto cinque punto uno e la due punto zero."),
    ("L'IP è 192.168.1.1.", "L'IP è uno nove due punto uno sei otto punto uno punto uno."),
    ("Un iPhone 14 Pro e un Boeing 747.", "Un iPhone quattordici Pro e un Boeing settecentoquarantasette."),
    (
        "Under-21, top-10, COVID-19, Under 21, G20, G7.",
        "Under ventuno, top-dieci, COVID diciannove, Under ventuno, G venti, G sette.",
    ),
    (
        "100 g di burro, 2 l di acqua, 1 l di latte, 1 kg, 1 h, 1 t.",
        "Cento grammi di burro, due litri di acqua, un litro di latte, un chilo, un'ora, una tonnellata.",
    ),
    (
        "-3,5%. +3 punti. ~50 persone; ±2%.",
        "Meno tre virgola cinque per cento. Più tre punti. Circa cinquanta persone; più o meno due per cento.",
    ),
    (
        "0,50 € e 50 cent, 0,05 € l'uno, 1,05 €.",
        "Cinquanta centesimi e cinquanta centesimi, cinque centesimi l'uno, un euro e cinque centesimi.",
    ),
    ("Da 10 a 20 €. Tra 10-20 €. 10-20 €.", "Da dieci a venti euro. Tra dieci e venti euro. Dieci venti euro."),
    ("€ 20, € 1.500,00, EUR 50, CHF 20.", "Venti euro, millecinquecento euro, cinquanta euro, venti franchi svizzeri."),
    ("n° 5, N. 7, nr. 8, n.ro 9.", "Numero cinque, numero sette, numero otto, numero nove."),
    ("Sale q.b., pepe e/o origano.", "Sale quanto basta, pepe e o origano."),
    ("23 giorni, 33 euro.", "Ventitré giorni, trentatré euro."),
    ("Il 23 maggio.", "Il ventitré maggio."),
    (
        "Taglia XL, piano B, gruppo C, raggi X, vitamina D, un CD, il DC.",
        "Taglia XL, piano B, gruppo C, raggi X, vitamina D, un CD, il DC.",
    ),
    ("Malcolm X. Papa Leone X.", "Malcolm X. Papa Leone decimo."),
    ("I ragazzi, DI MARIA, MI MANCHI.", "I ragazzi, DI MARIA, MI MANCHI."),
    ("10^6, 5², 3³, 10⁻³.", "Dieci alla sesta, cinque al quadrato, tre al cubo, dieci alla meno tre."),
    ("L'INPS, l'ISTAT e il CNR.", "L'INPS, l'ISTAT e il CNR."),
    (
        "Il 50° anniversario; 3° C; 15° di febbre.",
        "Il cinquantesimo anniversario; tre gradi; quindici gradi di febbre.",
    ),
    ("Ha vinto 6-4, 3-6, 7-5.", "Ha vinto sei a quattro, tre a sei, sette a cinque."),
    ("30 e lode. 1 su 3.", "Trenta e lode. Uno su tre."),
    ("8 ore su 24, 10 volte.", "Otto ore su ventiquattro, dieci volte."),
    ("Il 70% degli italiani con più di 65 anni.", "Il settanta per cento degli italiani con più di sessantacinque anni."),
    ("90 mq, 5 mc, 120 CV.", "Novanta metri quadrati, cinque metri cubi, centoventi cavalli."),
    ("Nel mese di gen. 2020.", "Nel mese di gennaio duemilaventi."),
    ("Costa 20 euro/kg.", "Costa venti euro al chilo."),
    ("5.000 m s.l.m.", "Cinquemila metri sul livello del mare."),
    ("Il 3 aprile alle 17 ci sarà una riunione.", "Il tre aprile alle diciassette ci sarà una riunione."),
    ("La lezione è dalle 10 alle 11:30.", "La lezione è dalle dieci alle undici e trenta."),
    (
        "Alle 12:00 in punto; alle 8:15; alle 8:45; alle 20:00.",
        "Alle dodici in punto; alle otto e quindici; alle otto e quarantacinque; alle venti.",
    ),
    (
        "Partiamo alle 6.30 di mattina. Dalle 9.30 alle 12.30.",
        "Partiamo alle sei e trenta di mattina. Dalle nove e trenta alle dodici e trenta.",
    ),
    ("La maratona è durata 2:05:30.", "La maratona è durata due ore, cinque minuti e trenta secondi."),
    ("Ha corso i 100 m in 9,58 s.", "Ha corso i cento metri in nove virgola cinquantotto secondi."),
    ("Record di 2 h 1 min 39 s.", "Record di due ore un minuto trentanove secondi."),
    ("Pi greco è 3,1416.", "Pi greco è tre virgola uno quattro uno sei."),
    (
        "La media è 8,75; magnitudo 6,4; tasso dello 0,5%.",
        "La media è otto virgola settantacinque; magnitudo sei virgola quattro; tasso dello zero virgola cinque per cento.",
    ),
    ("Alfonso X il Saggio e Pio XII; Benedetto XVI.", "Alfonso decimo il Saggio e Pio dodicesimo; Benedetto sedicesimo."),
    (
        "Ferdinando II, Isabella I di Castiglia e Carlo V.",
        "Ferdinando secondo, Isabella prima di Castiglia e Carlo quinto.",
    ),
    ("Enrico VIII ebbe sei mogli. Caterina II la Grande.", "Enrico ottavo ebbe sei mogli. Caterina seconda la Grande."),
    ("Luigi XVI fu ghigliottinato nel 1793.", "Luigi sedicesimo fu ghigliottinato nel millesettecentonovantatré."),
    (
        "La V Repubblica; la IV edizione; la XVII legislatura; il XX Congresso.",
        "La quinta Repubblica; la quarta edizione; la diciassettesima legislatura; il ventesimo Congresso.",
    ),
    (
        "L'VIII secolo; l'XI secolo; nell'VIII libro; all'XI giornata.",
        "L'ottavo secolo; l'undicesimo secolo; nell'ottavo libro; all'undicesima giornata.",
    ),
    (
        "Atto II, scena III. Parte II. Allegato IV. Titolo V. Capitolo XII.",
        "Atto secondo, scena terza. Parte due. Allegato quattro. Titolo quinto. Capitolo dodicesimo.",
    ),
    ("La Seconda guerra d'indipendenza (1859).", "La Seconda guerra d'indipendenza (milleottocentocinquantanove)."),
    ("Nel 1848, 1.200 soldati morirono.", "Nel milleottocentoquarantotto, milleduecento soldati morirono."),
    (
        "Nel 1808; dal 1990 al 2000; fino al 2030; anno 2000.",
        "Nel milleottocentotto; dal millenovecentonovanta al duemila; fino al duemilatrenta; anno duemila.",
    ),
    (
        "Gli anni Novanta; anni '60; anni 2000; gli anni '20 del '900.",
        "Gli anni Novanta; anni sessanta; anni duemila; gli anni venti del novecento.",
    ),
    ("Il '68 e il '77; nel '400; Quattrocento.", "Il sessantotto e il settantasette; nel quattrocento; Quattrocento."),
    ("Ha 1500 pagine e pesa 1,5 kg.", "Ha millecinquecento pagine e pesa uno virgola cinque chili."),
    ("Auto da 150 CV e 1.600 cc.", "Auto da centocinquanta cavalli e milleseicento centimetri cubi."),
    (
        "10 kΩ, 220 V, 50 Hz; 5.000 mAh; 20 W.",
        "Dieci kiloohm, duecentoventi volt, cinquanta hertz; cinquemila milliamperora; venti watt.",
    ),
    ("Un TV da 55 pollici in 4K.", "Un TV da cinquantacinque pollici in quattro K."),
    (
        "128 GB di RAM, 2 MB; 100 Mbps; 5G; 3,2 GHz.",
        "Centoventotto gigabyte di RAM, due megabyte; cento megabit al secondo; cinque G; tre virgola due gigahertz.",
    ),
    (
        "2.000 kcal al giorno; 250 mg ogni 8 h.",
        "Duemila chilocalorie al giorno; duecentocinquanta milligrammi ogni otto ore.",
    ),
    (
        "-10 °C e domani -2°. Max 30 °C, min. 15 °C.",
        "Meno dieci gradi e domani meno due gradi. Massimo trenta gradi, minimo quindici gradi.",
    ),
    ("30 ab./km².", "Trenta abitanti al chilometro quadrato."),
    ("Finì 3-2; 6-4, 6-3; 2 a 1; 0-0.", "Finì tre a due; sei a quattro, sei a tre; due a uno; zero a zero."),
    ("Una banconota da 50 € e 2 monete da 1 €.", "Una banconota da cinquanta euro e due monete da un euro."),
    ("25 centesimi; 75 cent.", "Venticinque centesimi; settantacinque centesimi."),
    (
        "30 miliardi di dollari; 1 miliardo; 1 milione di euro; 1 mln di euro; 1 mld €.",
        "Trenta miliardi di dollari; un miliardo; un milione di euro; un milione di euro; un miliardo di euro.",
    ),
    (
        "150.000 €/anno. 3 mila euro; 20k follower; 5K.",
        "Centocinquantamila euro all'anno. Tremila euro; ventimila follower; cinque K.",
    ),
    (
        "£3.50; ¥1000; 300 ₽; CHF 12,50.",
        "Tre sterline e cinquanta; mille yen; trecento rubli; dodici franchi svizzeri e cinquanta.",
    ),
    (
        "1° posto; 2ª guerra; 3° anno; 10° giro; 21ª edizione; 100° giorno.",
        "Primo posto; seconda guerra; terzo anno; decimo giro; ventunesima edizione; centesimo giorno.",
    ),
    (
        "1/3 dei voti; 2/5; 5/8; 1/10; ½; ¾; 1½; 2 ¼.",
        "Un terzo dei voti; due quinti; cinque ottavi; un decimo; un mezzo; tre quarti; uno e mezzo; due e un quarto.",
    ),
    (
        "½ kg, ¼ l, 1 ½ h, 1/2 tazza di latte, 1/2 bicchiere",
        "Mezzo chilo, un quarto di litro, un'ora e mezza, mezza tazza di latte, mezzo bicchiere",
    ),
    ("un 1/4 di pollo", "un quarto di pollo"),
    (
        "Il Dott. Rossi, la Dott.ssa Gil, il Prof. Neri, l'Ing. Bianchi, l'Avv. Verdi, il Geom. Sassi.",
        "Il dottor Rossi, la dottoressa Gil, il professor Neri, l'ingegner Bianchi, l'avvocato Verdi, il geometra Sassi.",
    ),
    (
        "op. cit., p. 25; cfr. Rossi (2010); ibid., pp. 3-4; ecc.",
        "Opera citata, pagina venticinque; confronta Rossi (duemiladieci); ibidem, pagine tre quattro; eccetera.",
    ),
    (
        "a.C., d.C., ca., ad es., p. es., N.B., P.S.",
        "Avanti Cristo, dopo Cristo, circa, ad esempio, per esempio, nota bene, post scriptum.",
    ),
    ("Il corteo parte da P.ta S. Giovanni, ang. v.le Roma.", "Il corteo parte da porta san Giovanni, angolo viale Roma."),
    ("Abita in v. Roma 12; v. Bianchi 2005.", "Abita in via Roma dodici; vedi Bianchi duemilacinque."),
    (
        "La guerra del 1915-18 e il 1914-1918.",
        "La guerra del millenovecentoquindici diciotto e il millenovecentoquattordici millenovecentodiciotto.",
    ),
    ("Infornate 10-15 minuti; ha vinto 3-1.", "Infornate dieci quindici minuti; ha vinto tre a uno."),
    (
        "Ha vinto in 4h 21' 8''. Al 90' ha segnato.",
        "Ha vinto in quattro ore, ventuno minuti e otto secondi. Al novantesimo ha segnato.",
    ),
    ("Consuma 5,2 l/100 km; 2 ore e ½.", "Consuma cinque virgola due litri ogni cento chilometri; due ore e mezza."),
    ("Carlo V., di 34 anni; Carlo V regnò.", "Carlo V., di trentaquattro anni; Carlo quinto regnò."),
    (
        "I secoli XVI-XVII; il I secolo a.C. e il III d.C.",
        "I secoli sedicesimo e diciassettesimo; il primo secolo avanti Cristo e il terzo dopo Cristo.",
    ),
    ("Nel 1° e 2° secolo. Ore 18,30.", "Nel primo e secondo secolo. Ore diciotto e trenta."),
    ("Orario: lun-ven 9.00-13.00.", "Orario: da lunedì a venerdì dalle nove alle tredici."),
    (
        "All'1 di notte. Una 20ina di persone. 500 mg/die.",
        "All'una di notte. Una ventina di persone. Cinquecento milligrammi al giorno.",
    ),
    ("Mezzo kg di pane, 3/4 di kg e molti km.", "Mezzo chilo di pane, tre quarti di chilo e molti chilometri."),
]


def test_reads_as_a_person_would() -> None:
    wrong = misread("it", SENTENCES)
    assert not wrong, "\n".join(wrong)


def test_cardinals() -> None:
    words = {
        0: "zero",
        1: "uno",
        3: "tre",
        17: "diciassette",
        21: "ventuno",
        23: "ventitré",
        28: "ventotto",
        33: "trentatré",
        100: "cento",
        101: "centouno",
        103: "centotré",
        108: "centotto",
        180: "centottanta",
        200: "duecento",
        1000: "mille",
        1003: "milletré",
        1999: "millenovecentonovantanove",
        2000: "duemila",
        23_000: "ventitremila",
        10**6: "un milione",
        2_000_001: "due milioni uno",
        10**9: "un miliardo",
        5 * 10**12: "cinquemila miliardi",
    }
    assert {value: cardinal(value) for value in words} == words


def test_ordinals() -> None:
    words = {
        1: "primo",
        10: "decimo",
        11: "undicesimo",
        21: "ventunesimo",
        23: "ventitreesimo",
        26: "ventiseiesimo",
        100: "centesimo",
        1000: "millesimo",
        2000: "duemillesimo",
        10**6: "milionesimo",
    }
    assert {value: ordinal(value) for value in words} == words


def test_every_number_is_told_from_others() -> None:
    assert len({cardinal(value) for value in range(20_000)}) == 20_000
    assert len({ordinal(value) for value in range(2000)}) == 2000


def test_never_raises() -> None:
    read_noise("it")


def test_no_run_of_characters_takes_long() -> None:
    assert not slow_runs("it")
