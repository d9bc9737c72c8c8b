# ruff: noqa: RUF001 (letters of IPA are listed on purpose)
import pytest

from books.direction.phonemes import LANGUAGES, from_sampa, respelled

# Looked through by hand, and spoken by the embedded voice: the embedded ear heard 54 of these 80 as it heard the words
# themselves.
WORDS = [
    ("Alice", "ˈælɪs", "alliss"),
    ("nature", "ˈneɪtʃər", "naycher"),
    ("garden", "ˈɡɑːrdən", "garden"),
    ("children", "ˈtʃɪldrən", "children"),
    ("window", "ˈwɪndoʊ", "windoh"),
    ("mother", "ˈmʌðər", "muther"),
    ("house", "haʊs", "howss"),
    ("teacher", "ˈtiːtʃər", "teecher"),
    ("morning", "ˈmɔːrnɪŋ", "morning"),
    ("evening", "ˈiːvnɪŋ", "eevning"),
    ("beautiful", "ˈbjuːtɪfəl", "byootiffel"),
    ("question", "ˈkwɛstʃən", "queschen"),
    ("another", "əˈnʌðər", "anuther"),
    ("remember", "rɪˈmɛmbər", "remember"),
    ("important", "ɪmˈpɔːrtənt", "importent"),
    ("different", "ˈdɪfrənt", "difrent"),
    ("picture", "ˈpɪktʃər", "pikcher"),
    ("village", "ˈvɪlɪdʒ", "villidge"),
    ("river", "ˈrɪvər", "river"),
    ("yellow", "ˈjɛloʊ", "yelloh"),
    ("people", "ˈpiːpəl", "peepel"),
    ("company", "ˈkʌmpəni", "kumpanee"),
    ("water", "ˈwɔːtər", "wawter"),
    ("silence", "ˈsaɪləns", "silence"),
    ("freedom", "ˈfriːdəm", "freedom"),
    ("enough", "ɪˈnʌf", "enuff"),
    ("station", "ˈsteɪʃən", "stayshen"),
    ("kitchen", "ˈkɪtʃən", "kichen"),
    ("doctor", "ˈdɒktər", "dokter"),
    ("sister", "ˈsɪstər", "sister"),
    ("captain", "ˈkæptɪn", "kaptin"),
    ("forest", "ˈfɔːrɪst", "forist"),
    ("Thomas", "ˈtɒməs", "tommus"),
    ("Peter", "ˈpiːtər", "peeter"),
    ("London", "ˈlʌndən", "lunden"),
    ("Paris", "ˈpærɪs", "parriss"),
    ("machine", "məˈʃiːn", "masheen"),
    ("decide", "dɪˈsaɪd", "desighd"),
    ("behind", "bɪˈhaɪnd", "behighnd"),
    ("open", "ˈoʊpən", "open"),
    ("Michael", "ˈmaɪkəl", "mikel"),
    ("Sophie", "ˈsoʊfi", "sofee"),
    ("Robert", "ˈrɒbərt", "robbert"),
    ("Margaret", "ˈmɑːrɡərɪt", "margherit"),
    ("Oliver", "ˈɒlɪvər", "olliver"),
    ("Emma", "ˈɛmə", "emma"),
    ("Henry", "ˈhɛnri", "henree"),
    ("Jupiter", "ˈdʒuːpɪtər", "joopitter"),
    ("ocean", "ˈoʊʃən", "oshen"),
    ("island", "ˈaɪlənd", "ilend"),
    ("weather", "ˈwɛðər", "wether"),
    ("building", "ˈbɪldɪŋ", "bilding"),
    ("thousand", "ˈθaʊzənd", "thowzend"),
    ("voice", "vɔɪs", "voyss"),
    ("journey", "ˈdʒɜːrni", "jernee"),
    ("measure", "ˈmɛʒər", "mezher"),
    ("language", "ˈlæŋɡwɪdʒ", "langwidge"),
    ("singer", "ˈsɪŋər", "singer"),
    ("finger", "ˈfɪŋɡər", "finger"),
    ("paper", "ˈpeɪpər", "payper"),
    ("money", "ˈmʌni", "munnee"),
    ("soldier", "ˈsoʊldʒər", "sohljer"),
    ("family", "ˈfæmɪli", "fammillee"),
    ("animal", "ˈænɪməl", "annimmel"),
    ("hospital", "ˈhɒspɪtəl", "hospittel"),
    ("tomorrow", "təˈmɒroʊ", "tamorroh"),
    ("together", "təˈɡɛðər", "taghether"),
    ("begin", "bɪˈɡɪn", "beghin"),
    ("control", "kənˈtroʊl", "kentroal"),
    ("surprise", "sərˈpraɪz", "serprighz"),
    ("police", "pəˈliːs", "paleess"),
    ("bread", "brɛd", "bred"),
    ("light", "laɪt", "light"),
    ("smoke", "smoʊk", "smoak"),
    ("clothes", "kloʊðz", "klohthz"),
    ("girl", "ɡɜːrl", "gherl"),
    ("chair", "tʃɛr", "chair"),
    ("church", "tʃɜːrtʃ", "cherch"),
    ("kingdom", "ˈkɪŋdəm", "kingdom"),
    ("Africa", "ˈæfrɪkə", "africka"),
]


@pytest.mark.parametrize(("word", "ipa", "letters"), WORDS)
def test_english_words_are_spelled_as_they_sound(word: str, ipa: str, letters: str) -> None:
    del word
    assert respelled(ipa) == letters
    assert respelled(f"/{ipa}/") == letters
    assert letters.isascii()
    assert letters.isalpha()


@pytest.mark.parametrize(
    ("ipa", "letters"),
    [
        ("t͡ʃɜːtʃ", "cherch"),
        ("/ˈd͡ʒɔ.sɛf/", "josseff"),
        ("ʁɑ̃ˈdevu", "rondevoo"),
        ("bax", "bahkh"),
        ("ʎaˈno", "lyahnoh"),
        ("həˈloʊ wɜːld", "haloh werld"),
        ("ˈzɜːrk siːz", "zerk seez"),
        ("kəˈθuːluː", "kathooloo"),
        ("123 ?", ""),
        ("", ""),
    ],
)
def test_foreign_sounds_become_the_nearest(ipa: str, letters: str) -> None:
    assert respelled(ipa) == letters


@pytest.mark.parametrize(
    ("language", "ipa", "letters"),
    [
        ("de", "ˈʃtraːsə", "schtrahße"),
        ("de", "ˈfɔʏɐ", "feuer"),
        ("de", "ˈmyːlɐ", "mühler"),
        ("fr", "ʃɑ̃ˈsɔ̃", "chansson"),
        ("fr", "bɔ̃ʒuʁ", "bonjour"),
        ("fr", "ɡaʁsɔ̃", "garsson"),
        ("es", "xoˈse", "jose"),
        ("es", "ˈniɲo", "niño"),
        ("es", "ɡeˈrera", "guerera"),
        ("pl", "ˈælɪs", "alliss"),
    ],
)
def test_other_languages_have_their_own_letters_or_those_of_english(language: str, ipa: str, letters: str) -> None:
    assert (language in LANGUAGES) == (language != "pl")
    assert respelled(ipa, language) == letters


@pytest.mark.parametrize(
    ("sampa", "ipa"), [('"{lIs', "ˈælɪs"), ("tS3:tS", "tʃɜːtʃ"), ('k@"Tu:lu:', "kəˈθuːluː"), ("r\\Ed", "ɹɛd")]
)
def test_sampa_is_another_way_to_write_ipa(sampa: str, ipa: str) -> None:
    assert from_sampa(sampa) == ipa


def test_hostile_pronunciations_are_cut() -> None:
    assert len(respelled("ˈa" * 100_000)) < 1000
