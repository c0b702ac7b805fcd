//! Names of countries, for addresses that cross a border.

use super::Locale;

/// The name of a country; `None` where only its code is known.
pub(super) fn name(locale: Locale, code: &str) -> Option<&'static str> {
    let names = NAMES.lines().find_map(|line| line.strip_prefix(code)?.strip_prefix('|'))?;
    let column = match locale {
        Locale::EnUs | Locale::EnGb => 0,
        Locale::DeDe => 1,
        Locale::FrFr => 2,
        Locale::EsEs => 3,
        Locale::ItIt => 4,
        Locale::NlNl => 5,
    };
    names.split('|').nth(column)
}

/// Code, English, German, French, Spanish, Italian, Dutch (Unicode CLDR).
const NAMES: &str = "\
AE|United Arab Emirates|Vereinigte Arabische Emirate|Émirats arabes unis|Emiratos Árabes Unidos|Emirati Arabi Uniti|Verenigde Arabische Emiraten
AR|Argentina|Argentinien|Argentine|Argentina|Argentina|Argentinië
AT|Austria|Österreich|Autriche|Austria|Austria|Oostenrijk
AU|Australia|Australien|Australie|Australia|Australia|Australië
BE|Belgium|Belgien|Belgique|Bélgica|Belgio|België
BG|Bulgaria|Bulgarien|Bulgarie|Bulgaria|Bulgaria|Bulgarije
BH|Bahrain|Bahrain|Bahreïn|Baréin|Bahrein|Bahrein
BR|Brazil|Brasilien|Brésil|Brasil|Brasile|Brazilië
CA|Canada|Kanada|Canada|Canadá|Canada|Canada
CH|Switzerland|Schweiz|Suisse|Suiza|Svizzera|Zwitserland
CL|Chile|Chile|Chili|Chile|Cile|Chili
CN|China|China|Chine|China|Cina|China
CY|Cyprus|Zypern|Chypre|Chipre|Cipro|Cyprus
CZ|Czechia|Tschechien|Tchéquie|Chequia|Cechia|Tsjechië
DE|Germany|Deutschland|Allemagne|Alemania|Germania|Duitsland
DK|Denmark|Dänemark|Danemark|Dinamarca|Danimarca|Denemarken
EE|Estonia|Estland|Estonie|Estonia|Estonia|Estland
ES|Spain|Spanien|Espagne|España|Spagna|Spanje
FI|Finland|Finnland|Finlande|Finlandia|Finlandia|Finland
FR|France|Frankreich|France|Francia|Francia|Frankrijk
GB|United Kingdom|Vereinigtes Königreich|Royaume-Uni|Reino Unido|Regno Unito|Verenigd Koninkrijk
GR|Greece|Griechenland|Grèce|Grecia|Grecia|Griekenland
HK|Hong Kong|Hongkong|Hong Kong|Hong Kong|Hong Kong|Hongkong
HR|Croatia|Kroatien|Croatie|Croacia|Croazia|Kroatië
HU|Hungary|Ungarn|Hongrie|Hungría|Ungheria|Hongarije
IE|Ireland|Irland|Irlande|Irlanda|Irlanda|Ierland
IL|Israel|Israel|Israël|Israel|Israele|Israël
IN|India|Indien|Inde|India|India|India
IS|Iceland|Island|Islande|Islandia|Islanda|IJsland
IT|Italy|Italien|Italie|Italia|Italia|Italië
JP|Japan|Japan|Japon|Japón|Giappone|Japan
KR|South Korea|Südkorea|Corée du Sud|Corea del Sur|Corea del Sud|Zuid-Korea
KW|Kuwait|Kuwait|Koweït|Kuwait|Kuwait|Koeweit
LT|Lithuania|Litauen|Lituanie|Lituania|Lituania|Litouwen
LU|Luxembourg|Luxemburg|Luxembourg|Luxemburgo|Lussemburgo|Luxemburg
LV|Latvia|Lettland|Lettonie|Letonia|Lettonia|Letland
MT|Malta|Malta|Malte|Malta|Malta|Malta
MX|Mexico|Mexiko|Mexique|México|Messico|Mexico
NL|Netherlands|Niederlande|Pays-Bas|Países Bajos|Paesi Bassi|Nederland
NO|Norway|Norwegen|Norvège|Noruega|Norvegia|Noorwegen
NZ|New Zealand|Neuseeland|Nouvelle-Zélande|Nueva Zelanda|Nuova Zelanda|Nieuw-Zeeland
PL|Poland|Polen|Pologne|Polonia|Polonia|Polen
PT|Portugal|Portugal|Portugal|Portugal|Portogallo|Portugal
RO|Romania|Rumänien|Roumanie|Rumanía|Romania|Roemenië
SE|Sweden|Schweden|Suède|Suecia|Svezia|Zweden
SG|Singapore|Singapur|Singapour|Singapur|Singapore|Singapore
SI|Slovenia|Slowenien|Slovénie|Eslovenia|Slovenia|Slovenië
SK|Slovakia|Slowakei|Slovaquie|Eslovaquia|Slovacchia|Slowakije
TR|Türkiye|Türkei|Turquie|Turquía|Turchia|Turkije
TW|Taiwan|Taiwan|Taïwan|Taiwán|Taiwan|Taiwan
UA|Ukraine|Ukraine|Ukraine|Ucrania|Ucraina|Oekraïne
US|United States|Vereinigte Staaten|États-Unis|Estados Unidos|Stati Uniti|Verenigde Staten
ZA|South Africa|Südafrika|Afrique du Sud|Sudáfrica|Sudafrica|Zuid-Afrika";
