"""What is written short is read in every language of the continent that has it: weekdays, sets, calls for help, screens."""

from tests.actors.text.languages.tables import misread

SENTENCES = {
    "de": [
        ("Mo-Fr geöffnet.", "Montag bis Freitag geöffnet."),
        ("Sie gewann 6/4, 7/5.", "Sie gewann sechs vier, sieben fünf."),
        ("Wählen Sie 112.", "Wählen Sie eins eins zwei."),
        ("Es kostet 112 Euro.", "Es kostet einhundertzwölf Euro."),
        ("Ein Film in 4K.", "Ein Film in vier K."),
    ],
    "fr": [
        ("Ouvert lun-ven.", "Ouvert lundi à vendredi."),
        ("Elle a gagné 6-4, 7-5.", "Elle a gagné six quatre, sept cinq."),
    ],
    "nl": [
        ("Open ma t/m vr.", "Open maandag tot en met vrijdag."),
        ("Bel 112.", "Bel één één twee."),
    ],
    "pt": [
        ("Aberto seg a sex.", "Aberto segunda a sexta."),
        ("Ligue 190.", "Ligue um nove zero."),
    ],
}


def test_what_is_written_short_is_read() -> None:
    wrong = [line for code, sentences in SENTENCES.items() for line in misread(code, sentences)]
    assert not wrong, "\n".join(wrong)
