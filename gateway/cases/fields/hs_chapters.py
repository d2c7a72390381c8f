"""What each chapter of the Harmonized System is about, in a few words of our own.

For people who read a code without its nomenclature at hand; of no legal meaning.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.cases.fields.labels import Label

_CHAPTERS: Final = """
01 Live animals | Animaux vivants
02 Meat | Viandes
03 Fish and seafood | Poissons et fruits de mer
04 Dairy, eggs, honey | Lait, œufs, miel
05 Other animal products | Autres produits animaux
06 Plants and flowers | Plantes et fleurs
07 Vegetables | Légumes
08 Fruit and nuts | Fruits
09 Coffee, tea, spices | Café, thé, épices
10 Cereals | Céréales
11 Flour, malt, starch | Farines, malt, amidons
12 Oil seeds, medicinal plants | Graines oléagineuses, plantes médicinales
13 Gums and resins | Gommes et résines
14 Plaiting materials | Matières à tresser
15 Fats and oils | Graisses et huiles
16 Preparations of meat or fish | Préparations de viande ou de poisson
17 Sugar and sweets | Sucres et sucreries
18 Cocoa | Cacao
19 Preparations of cereals | Préparations de céréales
20 Preparations of vegetables or fruit | Préparations de légumes ou de fruits
21 Other food | Autres aliments
22 Drinks, spirits, vinegar | Boissons, alcools, vinaigres
23 Food waste, animal feed | Résidus alimentaires, aliments pour animaux
24 Tobacco and nicotine | Tabacs et nicotine
25 Salt, stone, cement | Sel, pierres, ciments
26 Ores, slag, ash | Minerais, scories, cendres
27 Mineral fuels and oils | Combustibles et huiles minérales
28 Inorganic chemicals | Produits chimiques inorganiques
29 Organic chemicals | Produits chimiques organiques
30 Medicines | Produits pharmaceutiques
31 Fertilisers | Engrais
32 Dyes, paints, inks | Colorants, peintures, encres
33 Perfumes and cosmetics | Parfums et cosmétiques
34 Soap, waxes, polishes | Savons, cires, cirages
35 Proteins, glues, enzymes | Protéines, colles, enzymes
36 Explosives and matches | Explosifs et allumettes
37 Photographic goods | Produits photographiques
38 Other chemical products | Autres produits chimiques
39 Plastics | Matières plastiques
40 Rubber | Caoutchouc
41 Raw hides and leather | Peaux et cuirs
42 Leather goods, bags | Ouvrages en cuir, sacs
43 Furs | Fourrures
44 Wood | Bois
45 Cork | Liège
46 Basketware | Vannerie
47 Wood pulp, waste paper | Pâtes de bois, vieux papiers
48 Paper and board | Papiers et cartons
49 Printed matter | Imprimés
50 Silk | Soie
51 Wool and hair | Laine et poils
52 Cotton | Coton
53 Other plant fibres | Autres fibres végétales
54 Man-made filaments | Filaments synthétiques
55 Man-made staple fibres | Fibres synthétiques discontinues
56 Felt, nonwovens, rope | Feutres, non-tissés, cordages
57 Carpets | Tapis
58 Special fabrics, lace | Tissus spéciaux, dentelles
59 Coated fabrics | Tissus enduits
60 Knitted fabrics | Étoffes de bonneterie
61 Knitted clothes | Vêtements en bonneterie
62 Other clothes | Autres vêtements
63 Other textile articles, rags | Autres articles textiles, chiffons
64 Footwear | Chaussures
65 Headgear | Coiffures
66 Umbrellas and sticks | Parapluies et cannes
67 Feathers, artificial flowers, hair | Plumes, fleurs artificielles, cheveux
68 Articles of stone or cement | Ouvrages en pierre ou ciment
69 Ceramics | Céramique
70 Glass | Verre
71 Pearls, precious stones and metals | Perles, pierres et métaux précieux
72 Iron and steel | Fer et acier
73 Articles of iron or steel | Ouvrages en fer ou acier
74 Copper | Cuivre
75 Nickel goods | Nickel
76 Aluminium goods | Aluminium
77 Kept for later use | Réservé pour l'avenir
78 Lead | Plomb
79 Zinc goods | Zinc
80 Tin | Étain
81 Other base metals | Autres métaux communs
82 Tools and cutlery | Outils et coutellerie
83 Other articles of base metal | Autres ouvrages en métal commun
84 Machines, reactors, computers | Machines, réacteurs, ordinateurs
85 Electrical and electronic goods | Appareils électriques et électroniques
86 Railway stock and track | Matériel ferroviaire
87 Vehicles for the road | Véhicules routiers
88 Aircraft and spacecraft | Aéronefs et engins spatiaux
89 Ships and boats | Navires et bateaux
90 Optical, measuring and medical instruments | Instruments d'optique, de mesure et médicaux
91 Clocks and watches | Horlogerie
92 Musical instruments | Instruments de musique
93 Arms and ammunition | Armes et munitions
94 Furniture, lamps, prefabricated buildings | Meubles, luminaires, bâtiments préfabriqués
95 Toys, games, sports goods | Jouets, jeux, articles de sport
96 Various manufactured articles | Articles manufacturés divers
97 Works of art and antiques | Œuvres d'art et antiquités
"""


def _read(line: str) -> tuple[str, Label]:
    english, french = line[3:].split(" | ")
    return line[:2], Label(english, french)


HS_CHAPTERS: Mapping[str, Label] = MappingProxyType(dict(map(_read, _CHAPTERS.split("\n")[1:-1])))
"""By number, 01 to 97."""
