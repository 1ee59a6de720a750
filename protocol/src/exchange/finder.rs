//! How many finder patterns a picture has, counted before the QR library looks at it.
//!
//! The library tries triples of finder patterns (ISO/IEC 18004, 6.3.3) and copies the picture for each, and it
//! measures regions anew once it has seen 251 of them. A picture of a kilobyte that is full of such patterns
//! would keep it busy for a minute. The count here is linear in the number of pixels.

/// Finder patterns of five codes: more than anyone holds to a scanner.
const PATTERNS_MAX: usize = 16;
/// Regions that the library remembers.
const REGIONS_REMEMBERED: usize = 250;
/// Most pixels that may have to be measured again when there are more regions than that.
const MEASURED_MAX: usize = 1 << 30;
/// Widths of the dark and light runs across a finder pattern.
const RUNS: [usize; 5] = [1, 1, 3, 1, 1];

/// Dark regions (connected along edges), found where a line asks for them.
struct Regions<'a, F> {
    dark: &'a F,
    width: usize,
    height: usize,
    /// The region of each pixel, from 1; 0 for none yet.
    of: Vec<u16>,
    areas: Vec<usize>,
}

impl<F: Fn(usize, usize) -> bool> Regions<'_, F> {
    /// The region of a dark pixel; `None` when there are too many to count.
    fn at(&mut self, x: usize, y: usize) -> Option<u16> {
        match self.of.get(y * self.width + x) {
            Some(0) => self.measure(x, y),
            known => known.copied(),
        }
    }

    /// Fills the region line by line, so that what is still ahead stays short.
    fn measure(&mut self, x: usize, y: usize) -> Option<u16> {
        let region = u16::try_from(self.areas.len() + 1).ok()?;
        let (mut area, mut ahead) = (0, vec![(x as u32, y as u32)]);
        while let Some((x, y)) = ahead.pop() {
            let (x, y) = (x as usize, y as usize);
            if !self.open(x, y) {
                continue;
            }
            let first = (0..x).rev().find(|x| !self.open(*x, y)).map_or(0, |x| x + 1);
            let end = (x..self.width).find(|x| !self.open(*x, y)).unwrap_or(self.width);
            self.of[y * self.width + first..y * self.width + end].fill(region);
            area += end - first;
            for beside in [y.checked_sub(1), Some(y + 1).filter(|y| *y < self.height)].into_iter().flatten() {
                let begins = |x: &usize| self.open(*x, beside) && (*x == first || !self.open(*x - 1, beside));
                ahead.extend((first..end).filter(begins).map(|x| (x as u32, beside as u32)));
            }
        }
        self.areas.push(area);
        Some(region)
    }

    /// Whether a pixel is dark and of no region yet.
    fn open(&self, x: usize, y: usize) -> bool {
        self.of.get(y * self.width + x) == Some(&0) && (self.dark)(x, y)
    }

    fn area(&self, region: u16) -> usize {
        self.areas.get(usize::from(region) - 1).copied().unwrap_or(0)
    }
}

/// Whether the picture has so many finder patterns that searching it for a code would take too long.
pub(super) fn too_many(width: usize, height: usize, dark: impl Fn(usize, usize) -> bool) -> bool {
    let mut regions = Regions { dark: &dark, width, height, of: vec![0; width * height], areas: Vec::new() };
    let mut rings = std::collections::BTreeSet::new();
    let (mut crossings, mut largest) = (0usize, 0);
    for y in 0..height {
        let mut starts = vec![0];
        // A line ends as if light followed it.
        for x in 1..=width {
            let is_dark = x < width && dark(x, y);
            if is_dark == dark(x - 1, y) {
                continue;
            }
            starts.push(x);
            let (false, [left, _, stone, _, right, _]) = (is_dark, &starts[starts.len().saturating_sub(6)..]) else {
                continue;
            };
            if !is_crossing(&starts[starts.len() - 6..]) {
                continue;
            }
            let [Some(left), Some(stone), Some(right)] = [*left, *stone, *right].map(|x| regions.at(x, y)) else {
                return true;
            };
            let (ring_area, stone_area) = (regions.area(right), regions.area(stone));
            crossings += 1;
            largest = largest.max(ring_area).max(stone_area);
            // What the library takes for a finder pattern: a ring around something of another region, of a
            // plausible size.
            let ratio = stone_area * 100 / ring_area.max(1);
            if left == right && stone != right && (10..=70).contains(&ratio) {
                rings.insert(right);
            }
            let measured_again = regions.areas.len() > REGIONS_REMEMBERED;
            if rings.len() > PATTERNS_MAX || (measured_again && crossings.saturating_mul(largest) > MEASURED_MAX) {
                return true;
            }
        }
    }
    false
}

/// Whether the five runs that begin at these places (and end at the last) could cross a finder pattern, with the
/// library's tolerance.
fn is_crossing(starts: &[usize]) -> bool {
    let runs: Vec<usize> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let [a, b, _, c, d] = runs[..] else { return false };
    let average = (a + b + c + d) / 4;
    let error = average * 3 / 4;
    runs.iter().zip(RUNS).all(|(run, parts)| (parts * average - error..=parts * average + error).contains(run))
}
