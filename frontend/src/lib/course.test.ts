import { describe, expect, it } from 'vitest'
import { begin, marks, nearest, rows, segments, times } from './course'

describe('lines', () => {
  const every = (n: number, step: number, from = 0) => Array.from({ length: n }, (_, i) => ({ at: from + i * step, value: i as number | null }))

  it('break where a value is unknown', () => {
    const points = every(6, 5)
    points[2]!.value = null
    expect(segments(points).map((s) => s.map((p) => p.value))).toEqual([
      [0, 1],
      [3, 4, 5],
    ])
  })
  it('break where points are missing, and not where the past is thinned out', () => {
    expect(segments([...every(8, 5), ...every(8, 5, 200)]).map((s) => s.length)).toEqual([8, 8])
    expect(segments([...every(8, 10), ...every(8, 5, 80)]).map((s) => s.length)).toEqual([16])
    expect(segments([...every(2, 75), ...every(1, 1, 335), ...every(9, 5, 600)]).map((s) => s.length)).toEqual([1, 1, 1, 9])
  })
  it('are none without values', () => {
    expect(segments([])).toEqual([])
    expect(segments([{ at: 1, value: null }])).toEqual([])
  })
})

describe('axes', () => {
  it('have round marks from zero to above the most', () => {
    expect(marks(96)).toEqual([0, 25, 50, 75, 100])
    expect(marks(1)).toEqual([0, 0.25, 0.5, 0.75, 1])
    expect(marks(0.3)).toEqual([0, 0.1, 0.2, 0.3])
    expect(marks(0)).toEqual([0, 1])
    for (const most of [0.007, 3, 41, 1234, 9e6]) {
      const m = marks(most)
      expect(m.at(-1)!).toBeGreaterThanOrEqual(most * 0.999)
      expect(m.length).toBeLessThanOrEqual(6)
    }
  })
  it('begin with the earliest, but leave half for what happened', () => {
    expect(begin([970_000, 1_000_000], 1_000_000, 1_120_000)).toBe(970_000)
    expect(begin([0, 990_000], 1_000_000, 1_120_000)).toBe(880_000)
    expect(begin([0], 1_000_000, 1_010_000)).toBe(940_000)
    expect(begin([], 5, 6)).toBe(5)
  })
  it('have round moments', () => {
    const from = Date.parse('2026-01-31T09:00:30Z')
    const ticks = times(from, from + 600_000, 6).map((t) => new Date(t).toISOString().slice(11, 16))
    expect(ticks).toEqual(['09:02', '09:04', '09:06', '09:08', '09:10'])
  })
})

it('finds the point nearest to a moment', () => {
  const points = [{ at: 0 }, { at: 10 }, { at: 20 }]
  expect([-5, 6, 14, 99].map((t) => nearest(points, t))).toEqual([0, 1, 1, 2])
  expect(nearest([], 1)).toBe(-1)
})

it('puts labels that would touch on rows of their own', () => {
  expect(rows([0, 50, 10, 200], 60)).toEqual([0, 2, 1, 0])
  expect(rows([], 60)).toEqual([])
})
