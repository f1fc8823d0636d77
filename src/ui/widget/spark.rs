//! The message rate of the last minute in one line of bars.

/// The level (0 to 8) of each of `cells` bars, the newest last. Samples that share a bar are shown by their peak; a rate above
/// zero is never shown as nothing.
pub fn levels(rates: &[u32], cells: usize) -> Vec<usize> {
    if rates.is_empty() || cells == 0 {
        return Vec::new();
    }
    let share = rates.len().div_ceil(cells);
    // From the newest back: the bar that may lack samples is the oldest.
    let bars = rates.rchunks(share).rev();
    let peaks: Vec<u32> = bars
        .map(|bar| bar.iter().copied().max().unwrap_or(0))
        .collect();
    // At least a scale of eight: one message a second is a small bar, not a full one.
    let most = u64::from(peaks.iter().copied().max().unwrap_or(0)).max(8);
    let level = |peak: u32| (u64::from(peak) * 8).div_ceil(most);
    peaks
        .into_iter()
        .map(|peak| usize::try_from(level(peak)).unwrap_or(8))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_rate_is_the_last_bar() {
        assert_eq!(levels(&[0, 1, 40, 80], 4), [0, 1, 4, 8]);
        assert_eq!(levels(&[9, 0, 1, 40, 80], 2), [1, 8]);
        assert_eq!(levels(&[1, 0], 8), [1, 0]);
    }

    #[test]
    fn nothing_to_show_and_nowhere_to_show_it_are_no_bars() {
        assert!(levels(&[], 8).is_empty());
        assert!(levels(&[1], 0).is_empty());
        assert_eq!(levels(&[u32::MAX], 1), [8]);
    }
}
