"""Code lists that several families use, each code with what it means in both languages."""

from gateway.cases.fields.labels import Code


class Incoterm(Code):
    """Terms of delivery. Source: the rules of 2020, and DAT of those of 2010."""

    EXW = "EXW", "Ex works", "À l'usine"
    FCA = "FCA", "Free carrier", "Franco transporteur"
    FAS = "FAS", "Free alongside ship", "Franco le long du navire"
    FOB = "FOB", "Free on board", "Franco à bord"
    CFR = "CFR", "Cost and freight", "Coût et fret"
    CIF = "CIF", "Cost, insurance and freight", "Coût, assurance et fret"
    CPT = "CPT", "Carriage paid to", "Port payé jusqu'à"
    CIP = "CIP", "Carriage and insurance paid to", "Port payé, assurance comprise, jusqu'à"
    DAP = "DAP", "Delivered at place", "Rendu au lieu de destination"
    DPU = "DPU", "Delivered at place unloaded", "Rendu au lieu de destination déchargé"
    DDP = "DDP", "Delivered duty paid", "Rendu droits acquittés"
    DAT = "DAT", "Delivered at terminal (2010)", "Rendu au terminal (2010)"


class TransportMode(Code):
    """How goods travel. Source: UN/ECE recommendation 19."""

    SEA = "1", "By sea", "Par mer"
    RAIL = "2", "By rail", "Par rail"
    ROAD = "3", "By road", "Par route"
    AIR = "4", "By air", "Par air"
    MAIL = "5", "By mail", "Par la poste"
    MULTIMODAL = "6", "By several modes", "Par plusieurs modes"
    FIXED = "7", "By a fixed installation", "Par installation fixe"
    INLAND_WATER = "8", "By inland water", "Par voie d'eau intérieure"
    UNKNOWN = "9", "Not known", "Inconnu"


class DocumentType(Code):
    """A paper that goes with goods."""

    DECLARATION = "declaration", "Customs declaration", "Déclaration en douane"
    INVOICE = "invoice", "Invoice", "Facture"
    BILL_OF_LADING = "bill_of_lading", "Bill of lading", "Connaissement"
    AIR_WAYBILL = "air_waybill", "Air waybill", "Lettre de transport aérien"
    ROAD_WAYBILL = "road_waybill", "Road consignment note", "Lettre de voiture"
    ORIGIN = "origin", "Proof of origin", "Preuve de l'origine"
    LICENCE = "licence", "Licence or permit", "Licence ou permis"
    CARNET = "carnet", "Carnet", "Carnet"
    PACKING_LIST = "packing_list", "Packing list", "Liste de colisage"
    PAYMENT = "payment", "Proof of payment", "Preuve de paiement"
    CONTRACT = "contract", "Contract", "Contrat"
    OTHER = "other", "Other document", "Autre document"


class Theme(Code):
    """What an offence is about."""

    DRUGS = "drugs", "Narcotic drugs", "Stupéfiants"
    PRECURSORS = "precursors", "Precursors", "Précurseurs"
    TOBACCO = "tobacco", "Tobacco", "Tabac"
    ALCOHOL = "alcohol", "Alcohol", "Alcool"
    FUEL = "fuel", "Fuel", "Carburants"
    WEAPONS = "weapons", "Weapons and explosives", "Armes et explosifs"
    STRATEGIC = "strategic", "Strategic and dual-use goods", "Biens stratégiques et à double usage"
    CURRENCY = "currency", "Cash and money laundering", "Espèces et blanchiment"
    WILDLIFE = "wildlife", "Protected animals and plants", "Faune et flore protégées"
    WASTE = "waste", "Waste and ozone-depleting substances", "Déchets et substances nocives"
    HERITAGE = "heritage", "Cultural goods", "Biens culturels"
    COUNTERFEIT = "counterfeit", "Counterfeit and pirated goods", "Contrefaçon et piratage"
    MEDICINES = "medicines", "Medicines", "Médicaments"
    VALUATION = "valuation", "False value", "Fausse valeur"
    CLASSIFICATION = "classification", "False classification", "Faux classement"
    ORIGIN = "origin", "False origin", "Fausse origine"
    OTHER = "other", "Other", "Autre"


class RiskLevel(Code):
    """How grave a risk is."""

    LOW = "low", "Low", "Faible"
    MEDIUM = "medium", "Medium", "Moyen"
    HIGH = "high", "High", "Élevé"


class IntendedUse(Code):
    """What information is for."""

    ASSESSMENT = "assessment", "Assessment of duties", "Taxation"
    RISK_ANALYSIS = "risk_analysis", "Risk analysis", "Analyse de risque"
    ADMINISTRATIVE_PROCEEDINGS = (
        "administrative_proceedings",
        "Administrative proceedings",
        "Procédure administrative",
    )
    JUDICIAL_PROCEEDINGS = "judicial_proceedings", "Judicial proceedings", "Procédure judiciaire"
    OTHER_PURPOSES = (
        "other_purposes",
        "Other than customs purposes",
        "Fins autres que douanières",
    )


class Concealment(Code):
    """How goods were hidden."""

    NONE = "none", "Not concealed", "Non dissimulé"
    COVER_LOAD = "cover_load", "Behind or among other goods", "Derrière ou parmi d'autres biens"
    IN_GOODS = "in_goods", "Inside other goods", "À l'intérieur d'autres biens"
    VEHICLE = "vehicle", "In the means of transport", "Dans le moyen de transport"
    CONTAINER = "container", "In the structure of a container", "Dans la structure d'un conteneur"
    LUGGAGE = "luggage", "In luggage", "Dans des bagages"
    BODY = "body", "On or in the body", "Sur ou dans le corps"
    PARCEL = "parcel", "In a parcel", "Dans un colis"
    PAPERS = "papers", "By false papers", "Par de faux papiers"
    OTHER = "other", "Otherwise", "Autrement"
