"""The genders of French nouns, as far as a word tells its own; for numbers that end in one."""

from actors.text.languages.context import word_set

_FUNCTION_WORDS = word_set(
    "de des du d et ou où à au aux en dans sur sous par pour avec sans chez vers entre que qui quand si mais car donc ni ne "
    "pas plus le la les l un une ce cette ces est sont a ont était étaient sera seront fut furent y il elle on nous vous "
    "ils elles se s c j"
)
_FEMININE = word_set(
    "fois page table place heure minute seconde journée semaine année personne femme fille voiture maison pièce chambre "
    "ville chose part nuit voix main mère colère rivière barrière bière bannière manière lumière carrière frontière matière "
    "poussière paupière prière rizière soupière visière crinière panthère vipère fougère tonne once étoile ligne lettre "
    "carte porte fenêtre chaise assiette tasse bouteille tranche pomme poire orange tomate vache poule arme bombe équipe "
    "école classe course épreuve étape voie rue île commune route gare tête dent jambe sœur soeur tante cousine nièce "
    "feuille fleur plante branche banque boîte caisse balle pierre goutte grappe gousse botte touche clé clef langue note "
    "œuvre phrase syllabe planète guerre bataille tour salle marche vitre roue pile lampe fiche copie facture offre vente "
    "voile vie mort fin loi foi fourmi brebis souris croix noix perdrix mer cuiller dose vis cour cage chanson façon leçon "
    "rançon boisson raison saison prison moisson mouche abeille bougie cigarette douche plage montagne colline forêt ferme "
    "usine machine robe jupe chemise chaussette chaussure veste valise enveloppe adresse règle gomme trousse image cible "
    "flèche épée lance hache peine amende victime dame reine princesse fée sorcière demande réponse question tâche étude "
    "enquête liste série rangée famille vue ombre cerise fraise framboise olive amande figue datte prune pêche pâte crêpe "
    "tarte omelette soupe salade pizza pause grève messe fête danse alerte attaque tempête secousse réplique coupe médaille "
    "manche raquette passe perte baisse hausse unité planche poutre brique tuile bûche corde chaîne ancre barque nef "
    "morte absente présente gagnante avocate candidate tomate date patate cravate frégate perdante survivante passante "
    "étudiante habitante débutante assistante commerçante militante patiente cliente présidente adhérente agente parente "
    "suspecte députée "
    "bouchée pincée poignée cuillerée pattes patte aile plume queue oreille épaule côte veine cellule molécule masse force "
    "onde particule partie nouvelle monnaie baie taie plaie"
)
_MASCULINE = word_set(
    "musée lycée trophée silence génie incendie parapluie squelette magazine domaine capitaine jumeau côté comité traité "
    "été degré athlète élève stade grade murmure parjure mercure verre litre mètre pied an jour mois membre millimètre "
    "siècle gigaoctet fleuve dollar congé café thé blé pré député employé invité salarié réfugié blessé retraité délégué "
    "apogée scarabée camée colisée romaine chêne modèle parallèle polytechnique kilo euro centime million milliard "
    "satellite insecte arbre timbre titre chiffre nombre ordre lièvre poivre cuivre livre cadre théâtre centre ventre "
    "ministre maître prêtre peintre monstre registre semestre trimestre orchestre pupitre chapitre mythe type groupe cycle "
    "angle oncle peuple couple exemple temple cercle siège piège collège manège privilège doute compte conte acte texte "
    "prétexte contexte reste geste poste risque disque masque casque manque kiosque moustique lustre code mode épisode "
    "solde remède guide raide monde vide suicide homicide fluide liquide acide"
)
_FEMININE_ENDINGS = (
    "tion", "sion", "xion", "té", "ette", "elle", "ance", "ence", "ée", "ière", "euse", "rice", "ine", "ade", "ude", "ie",
    "esse", "aine", "enne", "onne", "ise", "ure", "ille", "otte", "ouche", "ique", "ace", "ole", "ule", "eine", "ogne", "agne",
)  # fmt: skip
_FEMININE_ADJECTIVES = word_set(
    "première dernière nouvelle petite grande bonne longue vieille belle seule prochaine ancienne grosse haute courte brève "
    "mauvaise certaine différente importante principale telle pleine"
)
_EITHER = word_set("autre jeune double simple énorme magnifique célèbre nouveaux même rare vaste large")


def is_feminine(word: str, behind: str = "") -> bool:
    """Whether a word, one or several of it, is a noun or an adjective of feminine gender; ``behind`` is the word behind it."""
    word = word.lower()
    single = word[:-1] if word.endswith(("s", "x")) and word not in _FEMININE else word
    if single in _EITHER and behind:
        return is_feminine(behind)
    if word in _FUNCTION_WORDS or single in _MASCULINE:
        return False
    return word in _FEMININE or single in _FEMININE or single in _FEMININE_ADJECTIVES or single.endswith(_FEMININE_ENDINGS)


def is_noun(word: str) -> bool:
    """Whether a word may be a noun that a number counts: it is in small letters, and no small word of grammar."""
    return word.islower() and word not in _FUNCTION_WORDS
