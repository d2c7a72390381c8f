"""Grounds: why a request is refused, and why an answer is postponed. The lists are closed."""

from gateway.cases.fields.labels import Code


class RefusalGround(Code):
    """Why assistance is refused, whole or in part."""

    SOVEREIGNTY = "sovereignty", "Sovereignty", "Souveraineté"
    SECURITY = "security", "Security", "Sécurité"
    PUBLIC_POLICY = "public_policy", "Public policy", "Ordre public"
    ESSENTIAL_INTERESTS = (
        "essential_interests",
        "Other essential interests",
        "Autres intérêts essentiels",
    )
    INDUSTRIAL_SECRET = "industrial_secret", "Industrial secrecy", "Secret industriel"
    COMMERCIAL_SECRET = "commercial_secret", "Commercial secrecy", "Secret commercial"
    PROFESSIONAL_SECRET = "professional_secret", "Professional secrecy", "Secret professionnel"
    OUT_OF_SCOPE = (
        "out_of_scope",
        "Outside the scope of the instrument",
        "Hors du champ de l'instrument",
    )
    DISPROPORTIONATE = (
        "disproportionate",
        "Out of proportion to what is at stake",
        "Disproportionnée à l'enjeu",
    )
    DATA_PROTECTION = "data_protection", "Data protection", "Protection des données"
    NO_RECIPROCITY = "no_reciprocity", "No reciprocity", "Absence de réciprocité"
    JUDICIAL_AUTHORITY_NEEDED = (
        "judicial_authority_needed",
        "A judicial authority must decide",
        "Une autorité judiciaire doit décider",
    )
    NO_ASSURANCE = (
        "no_assurance",
        "The assurances asked for were not given",
        "Les garanties demandées n'ont pas été données",
    )
    NOT_COMPETENT = "not_competent", "Not competent", "Incompétence"
    NO_LEGAL_BASIS = "no_legal_basis", "No legal basis", "Absence de base juridique"
    NOT_HELD = "not_held", "The information is not held", "L'information n'est pas détenue"


class PostponementGround(Code):
    """What an answer would interfere with; the parties consult on terms."""

    INVESTIGATION = "investigation", "An investigation", "Une enquête"
    PROSECUTION = "prosecution", "A prosecution", "Des poursuites"
    PROCEEDINGS = "proceedings", "Proceedings", "Une procédure en cours"
