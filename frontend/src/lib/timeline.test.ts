import { describe, expect, it } from 'vitest'
import type { TimelineRow } from '../api/client'
import { cells, counted, envelope, firstFrom, gaps, linesOf, move, reveal, spanOf, spanText, step, ticksOf, whole, within, zoom } from './timeline'

const row = (second: number, change: Partial<TimelineRow> = {}): TimelineRow => ({
  snapshot_id: `snap_${second}`,
  timestamp: new Date(second * 1000).toISOString(),
  trigger_type: 'scheduled',
  severity: 'low',
  total_qps: null,
  avg_latency: 10,
  bottlenecks_count: 0,
  ...change,
})

describe('spans', () => {
  const bounds = { from: 0, to: 1_000_000 }
  it('show all with a margin, even where that is one moment', () => {
    expect(whole(ticksOf([row(100), row(10_100)]))).toEqual({ from: -100_000, to: 10_300_000 })
    expect(whole(ticksOf([row(100)]))).toEqual({ from: 70_000, to: 130_000 })
    expect(whole([])).toEqual({ from: -30_000, to: 30_000 })
  })
  it('zoom at the pointer', () => {
    const near = zoom(bounds, 250_000, 0.5, bounds)
    expect(near).toEqual({ from: 125_000, to: 625_000 })
    expect((250_000 - near.from) / (near.to - near.from)).toBe(0.25)
    expect(zoom(near, 250_000, 100, bounds)).toEqual(bounds)
    const nearest = zoom(near, 250_000, 0, bounds)
    expect(nearest.to - nearest.from).toBe(10_000)
  })
  it('stay in their bounds', () => {
    expect(move({ from: 100_000, to: 300_000 }, -900_000, bounds)).toEqual({ from: 0, to: 200_000 })
    expect(move({ from: 100_000, to: 300_000 }, 900_000, bounds)).toEqual({ from: 800_000, to: 1_000_000 })
    expect(within({ from: -5, to: 2_000_000 }, bounds)).toEqual(bounds)
  })
  it('follow a moment that is outside, and only then', () => {
    const v = { from: 400_000, to: 600_000 }
    expect(reveal(v, 500_000, bounds)).toBe(v)
    expect(reveal(v, 300_000, bounds)).toEqual({ from: 290_000, to: 490_000 })
    expect(reveal(v, 700_000, bounds)).toEqual({ from: 510_000, to: 710_000 })
  })
  it('stand in the address', () => {
    const v = { from: Date.parse('2026-01-31T09:00:00Z'), to: Date.parse('2026-01-31T09:10:00Z') }
    expect(spanText(v)).toBe('2026-01-31T09:00:00Z~2026-01-31T09:10:00Z')
    expect(spanOf(spanText(v))).toEqual(v)
    for (const bad of [undefined, '', 'x', '2026-01-31~', '2026-01-31T09:10:00Z~2026-01-31T09:00:00Z']) expect(spanOf(bad)).toBeNull()
  })
})

describe('ticks', () => {
  it('that share pixels are one cell, of which the newest of the worst is shown', () => {
    const ticks = ticksOf([row(0), row(1, { severity: 'critical' }), row(2, { severity: 'critical' }), row(3), row(3, { trigger_type: 'incident' }), row(90)])
    const found = cells(ticks, { from: 0, to: 100_000 }, 1000, 100)
    expect(found.map((c) => [c.trigger, c.worst.row.snapshot_id, c.count, c.x])).toEqual([
      ['scheduled', 'snap_2', 4, 20],
      ['incident', 'snap_3', 1, 30],
      ['scheduled', 'snap_90', 1, 900],
    ])
  })
  it('of 10,000 snapshots are no more cells than there is room for', () => {
    const ticks = ticksOf(Array.from({ length: 10_000 }, (_, i) => row(i * 60)))
    const found = cells(ticks, whole(ticks), 1200, 9)
    expect(found.length).toBeLessThanOrEqual(135)
    expect(found.reduce((n, c) => n + c.count, 0)).toBe(10_000)
  })
  it('outside the span are none', () => {
    expect(cells(ticksOf([row(0), row(50), row(99)]), { from: 10_000, to: 60_000 }, 100, 9)).toHaveLength(1)
    expect(firstFrom(ticksOf([row(1), row(2), row(2), row(3)]), 2000)).toBe(1)
    expect(firstFrom([], 5)).toBe(0)
  })
  it('are walked one by one or from incident to incident', () => {
    const ticks = ticksOf([row(0, { trigger_type: 'incident' }), row(1), row(2), row(3, { trigger_type: 'incident' }), row(4)])
    expect([step(ticks, 1, 1, false), step(ticks, 1, -1, false), step(ticks, 4, 1, false), step(ticks, 1, 1, true), step(ticks, 4, -1, true), step(ticks, 3, 1, true)]).toEqual([2, 0, 4, 3, 3, 3])
  })
  it('are counted, the worst first', () => {
    expect(counted(ticksOf([row(0), row(1, { severity: 'critical' }), row(2)]))).toEqual([
      { severity: 'critical', count: 1 },
      { severity: 'low', count: 2 },
    ])
  })
})

describe('lines', () => {
  const latency = (r: TimelineRow) => r.avg_latency
  it('break where nothing is known, and say where', () => {
    const ticks = ticksOf([row(0), row(1), row(2, { avg_latency: null }), row(3), row(4), row(5), row(100), row(101), row(102), row(103)])
    const lines = linesOf(ticks, latency)
    expect(lines.map((l) => l.length)).toEqual([2, 3, 4])
    expect(gaps(lines)).toEqual([
      { from: 1000, to: 3000 },
      { from: 5000, to: 100_000 },
    ])
  })
  it('keep the extremes of each pixel', () => {
    const ticks = ticksOf([10, 900, 3, 40].map((avg_latency, i) => row(i, { avg_latency })))
    expect(envelope(linesOf(ticks, latency), { from: 0, to: 100_000 }, 10)).toEqual([[{ x: 0, min: 3, max: 900, last: 40 }]])
  })
  it('run out of the picture at both edges', () => {
    const ticks = ticksOf([0, 10, 20, 30, 40, 50].map((s) => row(s)))
    expect(envelope(linesOf(ticks, latency), { from: 15_000, to: 35_000 }, 20)[0]!.map((c) => c.x)).toEqual([-5, 5, 15, 25])
    expect(envelope(linesOf(ticks, latency), { from: 60_000, to: 70_000 }, 20)).toEqual([])
  })
})
