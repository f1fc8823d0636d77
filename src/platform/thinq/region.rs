//! Which of LG's three API hosts an account lives on: a pure function of its country (`reference/lg-thinq.md` 2).

/// A part of the world with a host of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    Kic,
    Aic,
    Eic,
}

const KIC: &str = "AU BD CN HK ID IN JP KH KR LA LK MM MY NP NZ PH SG TH TW VN";
const AIC: &str = "AG AR AW BB BO BR BS BZ CA CL CO CR CU DM DO EC GD GT GY HN HT JM KN LC MX NI PA PE PR PY SR SV TT US \
                   UY VC VE";
const EIC: &str = "AE AF AL AM AO AT AZ BA BE BF BG BH BJ BY CD CF CG CH CI CM CV CY CZ DE DJ DK DZ EE EG ES ET FI FR GA \
                   GB GE GH GM GN GQ GR HR HU IE IL IQ IR IS IT JO KE KG KW KZ LB LR LT LU LV LY MA MD ME MK ML MR MT MU \
                   MW NE NG NL NO OM PK PL PS PT QA RO RS RU RW SA SD SE SI SK SL SN SO ST SY TD TG TN TR TZ UA UG UZ XK \
                   YE ZA ZM";

impl Region {
    pub const ALL: [Self; 3] = [Self::Kic, Self::Aic, Self::Eic];

    /// The region of an account's country (ISO 3166-1 alpha-2, upper case); `None` where LG offers no service.
    pub fn of(country: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|region| region.countries().any(|listed| listed == country))
    }

    pub fn countries(self) -> impl Iterator<Item = &'static str> {
        let list = match self {
            Self::Kic => KIC,
            Self::Aic => AIC,
            Self::Eic => EIC,
        };
        list.split_ascii_whitespace()
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Kic => "KIC",
            Self::Aic => "AIC",
            Self::Eic => "EIC",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Kic => "Korea and Asia-Pacific",
            Self::Aic => "Americas",
            Self::Eic => "Europe, Middle East and Africa",
        }
    }

    /// Without a path and without a slash at the end.
    pub const fn base_url(self) -> &'static str {
        match self {
            Self::Kic => "https://api-kic.lgthinq.com",
            Self::Aic => "https://api-aic.lgthinq.com",
            Self::Eic => "https://api-eic.lgthinq.com",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_one_region_and_the_lists_are_as_long_as_lg_says() {
        let counts = Region::ALL.map(|region| region.countries().count());
        assert_eq!(counts, [20, 37, 105]);
        for region in Region::ALL {
            for country in region.countries() {
                assert_eq!(Region::of(country), Some(region), "{country}");
            }
        }
    }

    #[test]
    fn a_country_without_service_has_no_region() {
        for country in ["LI", "MC", "GL", "kr", ""] {
            assert_eq!(Region::of(country), None, "{country:?}");
        }
    }
}
