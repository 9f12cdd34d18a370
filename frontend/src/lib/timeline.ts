import type { TimelineRow } from '../api/client'
import { segments } from './course'

/** The arithmetic of the timeline strip: times in ms since 1970, places in CSS pixels from the left edge of the lanes. */

export type View = { from: number; to: number }

export const severities = ['low', 'medium', 'high', 'critical'] as const
export const triggers = ['incident', 'threshold', 'scheduled', 'manual'] as const

export type Tick = { at: number; row: TimelineRow }

export const ticksOf = (rows: TimelineRow[]): Tick[] => rows.map((row) => ({ at: Date.parse(row.timestamp), row }))

const rank = (t: Tick) => severities.indexOf(t.row.severity)

/** All there is, with a margin, so that the first and the last tick are no half ticks. */
export function whole(ticks: Tick[]): View {
  const first = ticks[0]?.at ?? 0
  const last = ticks.at(-1)?.at ?? first
  const margin = Math.max(30_000, (last - first) * 0.02)
  return { from: first - margin, to: last + margin }
}

/** The shortest span that is worth a picture, ms: snapshots of one source are seconds apart. */
const shortest = 10_000

/** Brings a span into the bounds, as long as it was where that is possible. */
export function within(v: View, bounds: View): View {
  const length = Math.min(Math.max(v.to - v.from, shortest), bounds.to - bounds.from)
  const from = Math.min(Math.max(v.from, bounds.from), bounds.to - length)
  return { from, to: from + length }
}

/** Zooms so that a moment keeps its place; a factor below 1 comes nearer. */
export function zoom(v: View, at: number, factor: number, bounds: View): View {
  const length = Math.max(shortest, (v.to - v.from) * factor)
  const part = (at - v.from) / (v.to - v.from)
  return within({ from: at - part * length, to: at + (1 - part) * length }, bounds)
}

export const move = (v: View, ms: number, bounds: View): View => within({ from: v.from + ms, to: v.to + ms }, bounds)

/** Moves a span as little as needed to show a moment. */
export function reveal(v: View, at: number, bounds: View): View {
  const margin = (v.to - v.from) * 0.05
  if (at < v.from) return within({ from: at - margin, to: at - margin + (v.to - v.from) }, bounds)
  if (at > v.to) return within({ from: at + margin - (v.to - v.from), to: at + margin }, bounds)
  return v
}

/** A span as the address holds it; whole seconds are enough. */
export const spanText = (v: View): string => `${new Date(v.from).toISOString().slice(0, 19)}Z~${new Date(v.to).toISOString().slice(0, 19)}Z`

export function spanOf(text: string | undefined): View | null {
  const [from = NaN, to = NaN] = (text ?? '').split('~').map((t) => Date.parse(t))
  return Number.isFinite(from) && to > from ? { from, to } : null
}

/** The index of the first tick that is not before a moment. */
export function firstFrom(ticks: { at: number }[], at: number): number {
  let low = 0
  let high = ticks.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (ticks[middle]!.at < at) low = middle + 1
    else high = middle
  }
  return low
}

/** The ticks of one trigger that fall on the same few pixels. What stands for them is the newest of the worst. */
export type Cell = { x: number; trigger: TimelineRow['trigger_type']; worst: Tick; count: number }

/** Puts the ticks of a span into cells, so that a picture draws as many things as it has room for, not as there are snapshots.
 * Cells begin at fixed moments, so that they do not flicker while the span moves. */
export function cells(ticks: Tick[], v: View, width: number, cell: number): Cell[] {
  const scale = width / (v.to - v.from)
  const length = cell / scale
  const found = new Map<string, Cell>()
  for (let i = firstFrom(ticks, v.from); i < ticks.length && ticks[i]!.at <= v.to; i++) {
    const t = ticks[i]!
    const key = `${t.row.trigger_type}${Math.floor(t.at / length)}`
    const c = found.get(key)
    if (!c) {
      found.set(key, { x: (t.at - v.from) * scale, trigger: t.row.trigger_type, worst: t, count: 1 })
      continue
    }
    c.count++
    if (rank(t) >= rank(c.worst)) {
      c.worst = t
      c.x = (t.at - v.from) * scale
    }
  }
  return [...found.values()]
}

/** The lowest and highest value of each pixel of a line, and the last, at which the next pixel goes on. */
export type Column = { x: number; min: number; max: number; last: number }

export type Line = { at: number; value: number }[]

/** The unbroken stretches of a figure. Where it is unknown or snapshots are missing nothing is drawn. */
export const linesOf = (ticks: Tick[], value: (row: TimelineRow) => number | null): Line[] => segments(ticks.map((t) => ({ at: t.at, value: value(t.row) })))

/** What of the lines falls into a span, a column for each pixel; one point beyond each edge, so that lines run out of the picture. */
export function envelope(lines: Line[], v: View, width: number): Column[][] {
  const scale = width / (v.to - v.from)
  const out: Column[][] = []
  for (const line of lines) {
    if (line.at(-1)!.at < v.from || line[0]!.at > v.to) continue
    const columns: Column[] = []
    const end = Math.min(line.length, firstFrom(line, v.to) + 1)
    for (let i = Math.max(0, firstFrom(line, v.from) - 1); i < end; i++) {
      const { at, value } = line[i]!
      const x = Math.round((at - v.from) * scale)
      const c = columns.at(-1)
      if (c?.x === x) {
        c.min = Math.min(c.min, value)
        c.max = Math.max(c.max, value)
        c.last = value
      } else columns.push({ x, min: value, max: value, last: value })
    }
    out.push(columns)
  }
  return out
}

/** The times between the lines, of which nothing is known. */
export function gaps(lines: Line[]): View[] {
  return lines.slice(1).map((line, i) => ({ from: lines[i]!.at(-1)!.at, to: line[0]!.at }))
}

/** The index to go to from one tick: the next or previous one, or the next or previous incident; where there is none, the same. */
export function step(ticks: Tick[], from: number, by: 1 | -1, incident: boolean): number {
  for (let i = from + by; i >= 0 && i < ticks.length; i += by) if (!incident || ticks[i]!.row.trigger_type === 'incident') return i
  return Math.max(0, from)
}

/** How many snapshots of each severity there are, the worst first; those that none has are left out. */
export function counted(ticks: Tick[]): { severity: TimelineRow['severity']; count: number }[] {
  const counts = severities.map((severity) => ({ severity, count: ticks.reduce((n, t) => n + (t.row.severity === severity ? 1 : 0), 0) }))
  return counts.filter(({ count }) => count > 0).reverse()
}
