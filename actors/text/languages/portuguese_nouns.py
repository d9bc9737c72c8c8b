"""The genders of Portuguese nouns, as far as a word tells its own."""

from actors.text.languages.context import word_set

_FUNCTION_WORDS = word_set(
    "a o as os à ao às aos e é ou de do da dos das em no na nos nas por pelo pela para com sem sob sobre até que se quando "
    "como mas já não um uma era eram foi foram está estava estavam havia há tinha tinham seria será serão fora ainda agora "
    "nada ela ele elas eles contra cada entre desde embora outrora esta essa isto isso mais menos pra acima abaixo atrás "
    "antes depois após também só cerca via vai ia fica ficava veio começa termina chega mostra indica marca conta fala diz "
    "disse teve tem têm são sua seu nessa nesta naquela"
)
_MASCULINE = word_set(
    "dia dias mapa mapas problema problemas sistema sistemas programa programas tema temas esquema esquemas poema poemas "
    "cinema cinemas teorema teoremas emblema emblemas dilema dilemas sintoma sintomas diploma diplomas idioma idiomas "
    "axioma genoma genomas coma comas clima climas drama dramas panorama telegrama telegramas grama gramas quilograma "
    "quilogramas miligrama miligramas diagrama diagramas organograma planeta planetas cometa cometas atleta atletas poeta "
    "poetas colega colegas pirata piratas camarada camaradas papa papas sofá sofás pijama pijamas trema fantasma fantasmas "
    "carisma enigma enigmas estigma paradigma paradigmas plasma prisma prismas guia guias delta deltas aroma aromas trauma "
    "traumas estratagema puma pumas lhama gorila gorilas koala coalas panda pandas motorista motoristas artista artistas "
    "jornalista jornalistas turista turistas dentista dentistas especialista especialistas ciclista ciclistas cientista "
    "cientistas economista economistas ativista ativistas terrorista terroristas policial policiais corações coração"
)
_FEMININE = word_set(
    "vez vezes mulher mulheres noite noites tarde tardes parte partes mãe mães flor flores cor cores mão mãos luz luzes "
    "cruz cruzes voz vozes paz nuvem nuvens ordem ordens chave chaves árvore árvores fonte fontes ponte pontes rede redes "
    "sede sedes febre febres carne carnes classe classes frase frases fase fases base bases análise análises crise crises "
    "tese teses síntese hipótese hipóteses lei leis dor dores torre torres morte mortes sorte gente gentes mente mentes "
    "semente sementes corrente correntes ave aves nave naves neve greve greves equipe equipes foto fotos moto motos tribo "
    "tribos irmã irmãs maçã maçãs manhã manhãs lã colher colheres série séries espécie espécies superfície raiz raízes "
    "atriz atrizes gravidez nota notas dose doses metade metades haste hastes estante estantes enchente enchentes vertente "
    "lente lentes serpente serpentes nascente fome pele peles gripe gripes creche creches saudade couve couves laje lajes "
    "raposa cicatriz cicatrizes perdiz matriz matrizes sessão região regiões religião religiões opinião opiniões união "
    "uniões reunião reuniões legião legiões questão questões gestão razão razões prisão prisões versão versões tv tvs tevê "
    "mensagens estações libra quantia nação garagem capital filial filiais moral catedral catedrais vogal vogais faculdade "
    "sílaba turnê turnês maré marés fé ré chaminé cabine vitrine vitrines"
)
_FEMININE_ENDINGS = (
    "a", "as", "ção", "ções", "são", "sões", "xão", "xões", "dade", "dades", "gem", "gens", "tude", "tudes", "ície", "ãs",
    "ice", "ices",
)  # fmt: skip
_EITHER = word_set(
    "grande grandes jovem jovens simples enorme enormes importante importantes possível possíveis principal principais "
    "diferente diferentes breve breves mil leve leves forte fortes feliz felizes triste tristes pobre pobres excelente "
    "excelentes"
)


def is_feminine(word: str, behind: str = "") -> bool:
    """Whether a word, one or several of it, is a noun or an adjective of feminine gender; ``behind`` is the word behind it."""
    word = word.lower()
    if word in _EITHER and behind:
        return is_feminine(behind)
    if word in _FUNCTION_WORDS or word in _MASCULINE:
        return False
    return word in _FEMININE or word.endswith(_FEMININE_ENDINGS)


def is_noun(word: str) -> bool:
    """Whether a word may be a noun that a number counts: it is in small letters, and no small word of grammar."""
    return word.islower() and word not in _FUNCTION_WORDS
