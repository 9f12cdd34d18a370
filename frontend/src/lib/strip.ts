import type { TimelineRow } from '../api/client'
import { marks, times } from './course'
import { type Cell, envelope, type Line, severities, type Tick, triggers, type View } from './timeline'

/** Draws the timeline strip: a lane of ticks for each trigger, a lane of the mean latency, and the axis of time. */

export const left = 96
export const right = 14

const laneHeight = 18
const lineHeight = 54
const lineGap = 10
const axisHeight = 20
const top = 16 // for the letters of a comparison

/** Which lanes there are: those of triggers that the source has seen, always in the same order. */
export type Lanes = { triggers: readonly TimelineRow['trigger_type'][]; y: (trigger: TimelineRow['trigger_type']) => number }

export function lanesOf(ticks: Tick[]): Lanes {
  const seen = new Set(ticks.map((t) => t.row.trigger_type))
  const shown = triggers.filter((t) => seen.has(t))
  return { triggers: shown, y: (t) => top + laneHeight * (shown.indexOf(t) + 0.5) }
}

const lineTop = (l: Lanes) => top + laneHeight * l.triggers.length + lineGap
const lineBottom = (l: Lanes) => lineTop(l) + lineHeight
export const heightOf = (l: Lanes): number => lineBottom(l) + axisHeight

export type Colors = Record<'ink' | 'dim' | 'line' | 'paper' | 'accent' | TimelineRow['severity'], string>

/** The colours of the style sheet, which knows the colour scheme. */
export function colorsOf(element: Element): Colors {
  const style = getComputedStyle(element)
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim()
  return { ink: of('ink'), dim: of('dim'), line: of('line'), paper: of('paper'), accent: of('accent'), low: of('low'), medium: of('medium'), high: of('high'), critical: of('critical') }
}

export type Picture = {
  view: View
  lanes: Lanes
  cells: Cell[]
  lines: Line[]
  unknown: View[]
  listed: View | null
  brush: View | null
  selected: Tick | undefined
  hover: Tick | null
  chosen: { id: string; at: number }[]
}

export function draw(canvas: HTMLCanvasElement, width: number, colors: Colors, p: Picture) {
  const height = heightOf(p.lanes)
  const dots = window.devicePixelRatio || 1
  if (canvas.width !== Math.round(width * dots) || canvas.height !== Math.round(height * dots)) {
    canvas.width = Math.round(width * dots)
    canvas.height = Math.round(height * dots)
  }
  const c = canvas.getContext('2d')
  if (!c) return
  c.setTransform(dots, 0, 0, dots, 0, 0)
  c.clearRect(0, 0, width, height)
  const inner = width - left - right
  const x = (at: number) => left + ((at - p.view.from) / (p.view.to - p.view.from)) * inner
  const inside = (at: number) => Math.min(Math.max(x(at), left), left + inner)
  c.font = '11px system-ui, sans-serif'
  c.textBaseline = 'middle'

  drawAxis(c, width, colors, p, x)
  drawLatency(c, width, colors, p, inside)

  for (const t of p.lanes.triggers) {
    const y = p.lanes.y(t)
    c.fillStyle = colors.line
    c.fillRect(left, y, inner, 1)
    c.fillStyle = colors.dim
    c.textAlign = 'right'
    c.fillText(t, left - 24, y)
    shape(c, t, left - 13, y, 4)
    c.fill()
  }
  c.save()
  c.beginPath()
  c.rect(left - 8, 0, inner + 16, height)
  c.clip()
  // The worst come last, so that nothing covers them.
  for (const level of severities) for (const cell of p.cells) if (cell.worst.row.severity === level) tick(c, colors, left + cell.x, p.lanes.y(cell.trigger), cell.worst.row)
  const shade = (from: number, to: number, color: string, opacity: number) => {
    c.globalAlpha = opacity
    c.fillStyle = color
    c.fillRect(from, 0, to - from, lineBottom(p.lanes))
    c.globalAlpha = 1
  }
  const upright = (at: number, color: string) => {
    if (at < p.view.from || at > p.view.to) return
    c.fillStyle = color
    c.fillRect(Math.round(x(at)), 0, 1, lineBottom(p.lanes))
  }
  if (p.listed) {
    if (p.listed.from > p.view.from) shade(left - 8, inside(p.listed.from), colors.paper, 0.72)
    if (p.listed.to < p.view.to) shade(inside(p.listed.to), left + inner + 8, colors.paper, 0.72)
    upright(p.listed.from, colors.accent)
    upright(p.listed.to, colors.accent)
  }
  if (p.brush) {
    shade(inside(p.brush.from), inside(p.brush.to), colors.accent, 0.18)
    upright(p.brush.from, colors.accent)
    upright(p.brush.to, colors.accent)
  }
  const sides = [...p.chosen].sort((a, b) => a.at - b.at)
  sides.forEach((s, i) => {
    upright(s.at, colors.ink)
    if (s.at < p.view.from || s.at > p.view.to) return
    c.fillStyle = colors.ink
    c.fillRect(x(s.at) - 7, 0, 14, 13)
    c.fillStyle = colors.paper
    c.textAlign = 'center'
    c.fillText('AB'[i]!, x(s.at), 7)
  })
  for (const t of [p.hover, p.selected]) {
    if (!t || t.at < p.view.from || t.at > p.view.to) continue
    if (t === p.selected) upright(t.at, colors.accent)
    c.strokeStyle = colors.accent
    c.lineWidth = 2
    c.beginPath()
    c.arc(x(t.at), p.lanes.y(t.row.trigger_type), 8.5, 0, 2 * Math.PI)
    c.stroke()
  }
  c.restore()
}

function drawAxis(c: CanvasRenderingContext2D, width: number, colors: Colors, p: Picture, x: (at: number) => number) {
  const bottom = lineBottom(p.lanes)
  const length = p.view.to - p.view.from
  const all = times(p.view.from, p.view.to, Math.max(2, Math.floor((width - left - right) / 110)))
  const distance = (all[1] ?? Infinity) - (all[0] ?? 0)
  c.textAlign = 'center'
  for (const t of all) {
    c.fillStyle = colors.line
    c.fillRect(Math.round(x(t)), top, 1, bottom - top)
    const text = new Date(t).toISOString()
    const midnight = t % 86_400_000 === 0
    c.fillStyle = colors.dim
    c.fillText(midnight || distance >= 86_400_000 ? text.slice(0, 10) : text.slice(11, length < 480_000 ? 19 : 16), Math.min(x(t), width - 36), bottom + 12)
  }
  c.textAlign = 'right'
  c.fillStyle = colors.dim
  c.fillText('UTC', left - 8, bottom + 12)
}

function drawLatency(c: CanvasRenderingContext2D, width: number, colors: Colors, p: Picture, inside: (at: number) => number) {
  const [high, low] = [lineTop(p.lanes), lineBottom(p.lanes)]
  const inner = width - left - right
  const drawn = envelope(p.lines, p.view, inner)
  const most = marks(drawn.reduce((m, line) => line.reduce((n, col) => Math.max(n, col.max), m), 0)).at(-1)!
  const y = (v: number) => low - (Math.max(0, v) / most) * (low - high)
  c.fillStyle = colors.dim
  c.textAlign = 'right'
  c.fillText('mean latency', left - 8, (high + low) / 2)
  c.fillText(`${most.toLocaleString('en-US')} ms`, left - 8, high + 2)
  c.fillText('0', left - 8, low - 2)
  c.fillStyle = colors.line
  c.fillRect(left, high, inner, 1)
  c.fillRect(left, low, inner, 1)
  c.save()
  c.beginPath()
  c.rect(left, high - 2, inner, low - high + 4)
  c.clip()
  // Hatched is what nobody saw: neither zero nor a straight line between its ends.
  c.strokeStyle = colors.line
  c.lineWidth = 1
  c.beginPath()
  for (const g of p.unknown) {
    const [a, b] = [inside(g.from), inside(g.to)]
    for (let s = Math.ceil((a - (low - high)) / 7) * 7; s < b; s += 7) {
      const [from, to] = [Math.max(a, s), Math.min(b, s + low - high)]
      if (to <= from) continue
      c.moveTo(from, low - (from - s))
      c.lineTo(to, low - (to - s))
    }
  }
  c.stroke()
  for (const line of drawn) {
    c.fillStyle = colors.accent
    if (line.length === 1) {
      const { x, min, max } = line[0]!
      c.fillRect(left + x - 1, y(max) - 1, 3, y(min) - y(max) + 3)
      continue
    }
    c.globalAlpha = 0.35
    for (const col of line) c.fillRect(left + col.x - 0.5, y(col.max), 1.5, Math.max(0, y(col.min) - y(col.max)))
    c.globalAlpha = 1
    c.strokeStyle = colors.accent
    c.lineWidth = 1.5
    c.lineJoin = 'round'
    c.beginPath()
    line.forEach((col, i) => (i === 0 ? c.moveTo(left + col.x, y(col.last)) : c.lineTo(left + col.x, y(col.last))))
    c.stroke()
  }
  c.restore()
}

/** The worse, the larger and the fuller: the colour alone must not say it. */
const sizes: Record<TimelineRow['severity'], number> = { low: 3, medium: 3.5, high: 5, critical: 6.5 }

function tick(c: CanvasRenderingContext2D, colors: Colors, x: number, y: number, row: TimelineRow) {
  shape(c, row.trigger_type, x, y, sizes[row.severity])
  c.lineWidth = 1.5
  if (row.severity === 'low') {
    c.fillStyle = colors.paper
    c.strokeStyle = colors.low
    c.fill()
    c.stroke()
    return
  }
  c.fillStyle = colors[row.severity]
  c.strokeStyle = colors.paper // keeps neighbours apart
  c.stroke()
  c.fill()
}

/** Incidents are diamonds, thresholds triangles, schedules dots, and what people took squares. */
function shape(c: CanvasRenderingContext2D, trigger: TimelineRow['trigger_type'], x: number, y: number, r: number) {
  c.beginPath()
  switch (trigger) {
    case 'incident':
      c.moveTo(x, y - r * 1.25)
      c.lineTo(x + r * 1.25, y)
      c.lineTo(x, y + r * 1.25)
      c.lineTo(x - r * 1.25, y)
      break
    case 'threshold':
      c.moveTo(x, y - r * 1.1)
      c.lineTo(x + r * 1.15, y + r * 0.9)
      c.lineTo(x - r * 1.15, y + r * 0.9)
      break
    case 'manual':
      c.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8)
      return
    default:
      c.arc(x, y, r, 0, 2 * Math.PI)
      return
  }
  c.closePath()
}
