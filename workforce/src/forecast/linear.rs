//! The little linear algebra a forecast needs: symmetric matrices of a day's intervals.

/// A square symmetric matrix, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Symmetric {
    size: usize,
    cells: Vec<f64>,
}

impl Symmetric {
    pub(crate) fn zero(size: usize) -> Self {
        Self {
            size,
            cells: vec![0.0; size * size],
        }
    }

    pub(crate) fn at(&self, row: usize, column: usize) -> f64 {
        self.cells[row * self.size + column]
    }

    pub(crate) fn add(&mut self, row: usize, column: usize, value: f64) {
        self.cells[row * self.size + column] += value;
    }

    /// Adds `weight · v vᵀ`.
    pub(crate) fn add_outer(&mut self, v: &[f64], weight: f64) {
        for (row, &vi) in v.iter().enumerate() {
            for (column, &vj) in v.iter().enumerate() {
                self.add(row, column, weight * vi * vj);
            }
        }
    }

    /// The rows and columns named, in that order.
    pub(crate) fn part(&self, names: &[usize]) -> Self {
        let mut part = Self::zero(names.len());
        for (row, &i) in names.iter().enumerate() {
            for (column, &j) in names.iter().enumerate() {
                part.add(row, column, self.at(i, j));
            }
        }
        part
    }

    /// Eigenvectors of the `count` greatest eigenvalues, each of length one, by cyclic
    /// Jacobi rotations.
    pub(crate) fn leading(mut self, count: usize) -> Vec<Vec<f64>> {
        const SWEEPS: usize = 60;
        let n = self.size;
        let mut vectors = Self::zero(n);
        (0..n).for_each(|i| vectors.add(i, i, 1.0));
        for _ in 0..SWEEPS {
            let mut off = 0.0;
            let mut on = 0.0;
            for i in 0..n {
                on += self.at(i, i).powi(2);
                for j in 0..i {
                    off += self.at(i, j).powi(2);
                }
            }
            if off <= 1e-24 * on {
                break;
            }
            for p in 0..n {
                for q in p + 1..n {
                    self.rotate(&mut vectors, p, q);
                }
            }
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| self.at(b, b).total_cmp(&self.at(a, a)));
        order
            .into_iter()
            .take(count)
            .map(|column| (0..n).map(|row| vectors.at(row, column)).collect())
            .collect()
    }

    fn rotate(&mut self, vectors: &mut Self, p: usize, q: usize) {
        let cross = self.at(p, q);
        if cross == 0.0 {
            return;
        }
        let theta = (self.at(q, q) - self.at(p, p)) / (2.0 * cross);
        let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
        let cosine = (tangent * tangent + 1.0).sqrt().recip();
        let sine = tangent * cosine;
        let n = self.size;
        let turn = |cells: &mut [f64], a: usize, b: usize| {
            let (x, y) = (cells[a], cells[b]);
            cells[a] = cosine * x - sine * y;
            cells[b] = sine * x + cosine * y;
        };
        for k in 0..n {
            turn(&mut self.cells, k * n + p, k * n + q);
            turn(&mut vectors.cells, k * n + p, k * n + q);
        }
        for k in 0..n {
            turn(&mut self.cells, p * n + k, q * n + k);
        }
    }

    /// Solves `self · x = b` for each right-hand side by Cholesky's factors; `None` if the
    /// matrix is not positive definite.
    pub(crate) fn solve(&self, sides: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
        let n = self.size;
        let mut lower = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
                let rest = self.at(i, j) - known;
                if i == j {
                    if rest <= 0.0 {
                        return None;
                    }
                    lower[i * n + i] = rest.sqrt();
                } else {
                    lower[i * n + j] = rest / lower[j * n + j];
                }
            }
        }
        let solved = sides.iter().map(|side| {
            let mut x = side.clone();
            for i in 0..n {
                let known: f64 = (0..i).map(|k| lower[i * n + k] * x[k]).sum();
                x[i] = (x[i] - known) / lower[i * n + i];
            }
            for i in (0..n).rev() {
                let known: f64 = (i + 1..n).map(|k| lower[k * n + i] * x[k]).sum();
                x[i] = (x[i] - known) / lower[i * n + i];
            }
            x
        });
        Some(solved.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Symmetric;

    #[test]
    fn the_leading_eigenvector_and_a_solution_are_the_known_ones() {
        let mut m = Symmetric::zero(3);
        for (i, j, value) in [
            (0, 0, 2.0),
            (1, 1, 2.0),
            (2, 2, 5.0),
            (0, 1, 1.0),
            (1, 0, 1.0),
        ] {
            m.add(i, j, value);
        }
        let x = m.solve(&[vec![3.0, 3.0, 5.0]]).unwrap();
        assert!(x[0].iter().all(|x| (x - 1.0).abs() < 1e-14));
        let vectors = m.leading(2);
        assert!((vectors[0][2].abs() - 1.0).abs() < 1e-14);
        assert!((vectors[1][0] - vectors[1][1]).abs() < 1e-14);
    }
}
