//! The countries where ThinQ Connect can be used, with their region (`reference/lg-thinq.md`, section 2).

/// A country of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country {
    pub name: &'static str,
    /// ISO 3166-1 alpha-2.
    pub code: &'static str,
    pub region: Region,
}

/// LG's three halves of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    Kic,
    Aic,
    Eic,
}

impl Region {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Kic => "Korea, Asia-Pacific",
            Self::Aic => "Americas",
            Self::Eic => "Europe, Middle East, Africa",
        }
    }
}

pub fn find(code: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|c| c.code == code)
}

const fn at(name: &'static str, code: &'static str, region: Region) -> Country {
    Country { name, code, region }
}

/// By name.
pub static COUNTRIES: [Country; 162] = [
    at("Afghanistan", "AF", Region::Eic),
    at("Albania", "AL", Region::Eic),
    at("Algeria", "DZ", Region::Eic),
    at("Angola", "AO", Region::Eic),
    at("Antigua and Barbuda", "AG", Region::Aic),
    at("Argentina", "AR", Region::Aic),
    at("Armenia", "AM", Region::Eic),
    at("Aruba", "AW", Region::Aic),
    at("Australia", "AU", Region::Kic),
    at("Austria", "AT", Region::Eic),
    at("Azerbaijan", "AZ", Region::Eic),
    at("Bahamas", "BS", Region::Aic),
    at("Bahrain", "BH", Region::Eic),
    at("Bangladesh", "BD", Region::Kic),
    at("Barbados", "BB", Region::Aic),
    at("Belarus", "BY", Region::Eic),
    at("Belgium", "BE", Region::Eic),
    at("Belize", "BZ", Region::Aic),
    at("Benin", "BJ", Region::Eic),
    at("Bolivia", "BO", Region::Aic),
    at("Bosnia and Herzegovina", "BA", Region::Eic),
    at("Brazil", "BR", Region::Aic),
    at("Bulgaria", "BG", Region::Eic),
    at("Burkina Faso", "BF", Region::Eic),
    at("Cambodia", "KH", Region::Kic),
    at("Cameroon", "CM", Region::Eic),
    at("Canada", "CA", Region::Aic),
    at("Cape Verde", "CV", Region::Eic),
    at("Central African Republic", "CF", Region::Eic),
    at("Chad", "TD", Region::Eic),
    at("Chile", "CL", Region::Aic),
    at("China", "CN", Region::Kic),
    at("Colombia", "CO", Region::Aic),
    at("Congo (Brazzaville)", "CG", Region::Eic),
    at("Congo (Kinshasa)", "CD", Region::Eic),
    at("Costa Rica", "CR", Region::Aic),
    at("Croatia", "HR", Region::Eic),
    at("Cuba", "CU", Region::Aic),
    at("Cyprus", "CY", Region::Eic),
    at("Czechia", "CZ", Region::Eic),
    at("Denmark", "DK", Region::Eic),
    at("Djibouti", "DJ", Region::Eic),
    at("Dominica", "DM", Region::Aic),
    at("Dominican Republic", "DO", Region::Aic),
    at("Ecuador", "EC", Region::Aic),
    at("Egypt", "EG", Region::Eic),
    at("El Salvador", "SV", Region::Aic),
    at("Equatorial Guinea", "GQ", Region::Eic),
    at("Estonia", "EE", Region::Eic),
    at("Ethiopia", "ET", Region::Eic),
    at("Finland", "FI", Region::Eic),
    at("France", "FR", Region::Eic),
    at("Gabon", "GA", Region::Eic),
    at("Gambia", "GM", Region::Eic),
    at("Georgia", "GE", Region::Eic),
    at("Germany", "DE", Region::Eic),
    at("Ghana", "GH", Region::Eic),
    at("Greece", "GR", Region::Eic),
    at("Grenada", "GD", Region::Aic),
    at("Guatemala", "GT", Region::Aic),
    at("Guinea", "GN", Region::Eic),
    at("Guyana", "GY", Region::Aic),
    at("Haiti", "HT", Region::Aic),
    at("Honduras", "HN", Region::Aic),
    at("Hong Kong", "HK", Region::Kic),
    at("Hungary", "HU", Region::Eic),
    at("Iceland", "IS", Region::Eic),
    at("India", "IN", Region::Kic),
    at("Indonesia", "ID", Region::Kic),
    at("Iran", "IR", Region::Eic),
    at("Iraq", "IQ", Region::Eic),
    at("Ireland", "IE", Region::Eic),
    at("Israel", "IL", Region::Eic),
    at("Italy", "IT", Region::Eic),
    at("Ivory Coast", "CI", Region::Eic),
    at("Jamaica", "JM", Region::Aic),
    at("Japan", "JP", Region::Kic),
    at("Jordan", "JO", Region::Eic),
    at("Kazakhstan", "KZ", Region::Eic),
    at("Kenya", "KE", Region::Eic),
    at("Kosovo", "XK", Region::Eic),
    at("Kuwait", "KW", Region::Eic),
    at("Kyrgyzstan", "KG", Region::Eic),
    at("Laos", "LA", Region::Kic),
    at("Latvia", "LV", Region::Eic),
    at("Lebanon", "LB", Region::Eic),
    at("Liberia", "LR", Region::Eic),
    at("Libya", "LY", Region::Eic),
    at("Lithuania", "LT", Region::Eic),
    at("Luxembourg", "LU", Region::Eic),
    at("Malawi", "MW", Region::Eic),
    at("Malaysia", "MY", Region::Kic),
    at("Mali", "ML", Region::Eic),
    at("Malta", "MT", Region::Eic),
    at("Mauritania", "MR", Region::Eic),
    at("Mauritius", "MU", Region::Eic),
    at("Mexico", "MX", Region::Aic),
    at("Moldova", "MD", Region::Eic),
    at("Montenegro", "ME", Region::Eic),
    at("Morocco", "MA", Region::Eic),
    at("Myanmar", "MM", Region::Kic),
    at("Nepal", "NP", Region::Kic),
    at("Netherlands", "NL", Region::Eic),
    at("New Zealand", "NZ", Region::Kic),
    at("Nicaragua", "NI", Region::Aic),
    at("Niger", "NE", Region::Eic),
    at("Nigeria", "NG", Region::Eic),
    at("North Macedonia", "MK", Region::Eic),
    at("Norway", "NO", Region::Eic),
    at("Oman", "OM", Region::Eic),
    at("Pakistan", "PK", Region::Eic),
    at("Palestine", "PS", Region::Eic),
    at("Panama", "PA", Region::Aic),
    at("Paraguay", "PY", Region::Aic),
    at("Peru", "PE", Region::Aic),
    at("Philippines", "PH", Region::Kic),
    at("Poland", "PL", Region::Eic),
    at("Portugal", "PT", Region::Eic),
    at("Puerto Rico", "PR", Region::Aic),
    at("Qatar", "QA", Region::Eic),
    at("Romania", "RO", Region::Eic),
    at("Russia", "RU", Region::Eic),
    at("Rwanda", "RW", Region::Eic),
    at("Saint Kitts and Nevis", "KN", Region::Aic),
    at("Saint Lucia", "LC", Region::Aic),
    at("Saint Vincent and the Grenadines", "VC", Region::Aic),
    at("Sao Tome and Principe", "ST", Region::Eic),
    at("Saudi Arabia", "SA", Region::Eic),
    at("Senegal", "SN", Region::Eic),
    at("Serbia", "RS", Region::Eic),
    at("Sierra Leone", "SL", Region::Eic),
    at("Singapore", "SG", Region::Kic),
    at("Slovakia", "SK", Region::Eic),
    at("Slovenia", "SI", Region::Eic),
    at("Somalia", "SO", Region::Eic),
    at("South Africa", "ZA", Region::Eic),
    at("South Korea", "KR", Region::Kic),
    at("Spain", "ES", Region::Eic),
    at("Sri Lanka", "LK", Region::Kic),
    at("Sudan", "SD", Region::Eic),
    at("Suriname", "SR", Region::Aic),
    at("Sweden", "SE", Region::Eic),
    at("Switzerland", "CH", Region::Eic),
    at("Syria", "SY", Region::Eic),
    at("Taiwan", "TW", Region::Kic),
    at("Tanzania", "TZ", Region::Eic),
    at("Thailand", "TH", Region::Kic),
    at("Togo", "TG", Region::Eic),
    at("Trinidad and Tobago", "TT", Region::Aic),
    at("Tunisia", "TN", Region::Eic),
    at("Turkey", "TR", Region::Eic),
    at("Uganda", "UG", Region::Eic),
    at("Ukraine", "UA", Region::Eic),
    at("United Arab Emirates", "AE", Region::Eic),
    at("United Kingdom", "GB", Region::Eic),
    at("United States", "US", Region::Aic),
    at("Uruguay", "UY", Region::Aic),
    at("Uzbekistan", "UZ", Region::Eic),
    at("Venezuela", "VE", Region::Aic),
    at("Vietnam", "VN", Region::Kic),
    at("Yemen", "YE", Region::Eic),
    at("Zambia", "ZM", Region::Eic),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_as_many_countries_as_the_reference_names() {
        let count = |region| COUNTRIES.iter().filter(|c| c.region == region).count();
        assert_eq!(
            [Region::Kic, Region::Aic, Region::Eic].map(count),
            [20, 37, 105]
        );
    }
}
