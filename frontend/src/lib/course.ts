/** The arithmetic of the course of a case: times in ms since 1970, values as they come. */

export type Moment = { at: number; value: number | null }

/** How many times the usual distance of its neighbours a distance must be to count as a gap. */
const gapFactor = 5

/** Cuts a course where a value is unknown or points are missing, because a line over a gap would claim what nobody saw. */
export function segments(points: Moment[]): { at: number; value: number }[][] {
  const distances = points.slice(1).map((p, i) => p.at - points[i]!.at)
  const usual = (i: number) => {
    const near = distances.slice(Math.max(0, i - 10), i + 11).sort((a, b) => a - b)
    return near[Math.floor((near.length - 1) / 2)] ?? 0
  }
  const cut: { at: number; value: number }[][] = []
  let open: { at: number; value: number }[] = []
  points.forEach((p, i) => {
    const gap = i > 0 && distances.length > 2 && distances[i - 1]! > gapFactor * usual(i - 1)
    if (open.length > 0 && (gap || p.value === null)) {
      cut.push(open)
      open = []
    }
    if (p.value !== null) open.push({ at: p.at, value: p.value })
  })
  return open.length > 0 ? [...cut, open] : cut
}

/** Where a picture begins: with the earliest of all, but not so early that what happened from the start on has less than half of it. */
export function begin(all: number[], start: number, end: number): number {
  return Math.max(Math.min(start, ...all), start - Math.max(60_000, end - start))
}

/** Round marks of an axis from 0 to at least most; three to six of them. */
export function marks(most: number): number[] {
  if (!(most > 0) || !Number.isFinite(most)) return [0, 1]
  const raw = most / 4
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = ([1, 2, 2.5, 5, 10].find((m) => m * power >= raw * 0.999) ?? 10) * power
  const out: number[] = []
  for (let i = 0; (i - 1) * step < most * 0.999; i++) out.push(Number((i * step).toPrecision(12)))
  return out
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800].map((s) => s * 1000)

/** Round moments between two others, at most so many. */
export function times(from: number, to: number, most: number): number[] {
  const step = steps.find((s) => (to - from) / s <= most) ?? (to - from) / most
  const out: number[] = []
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) out.push(t)
  return out
}

/** The index of the point nearest to a moment; -1 where there is none. */
export function nearest(points: { at: number }[], at: number): number {
  return points.reduce((best, p, i) => (best < 0 || Math.abs(p.at - at) < Math.abs(points[best]!.at - at) ? i : best), -1)
}

/** The rows on which labels at these places stand without touching, the leftmost first. */
export function rows(places: number[], width: number): number[] {
  const ends: number[] = []
  const order = places.map((x, i) => ({ x, i })).sort((a, b) => a.x - b.x)
  const out = new Array<number>(places.length).fill(0)
  for (const { x, i } of order) {
    const free = ends.findIndex((end) => end <= x)
    const row = free < 0 ? ends.length : free
    ends[row] = x + width
    out[i] = row
  }
  return out
}
