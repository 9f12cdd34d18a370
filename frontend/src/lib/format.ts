/** Units of the metric relationship types; types that are not here have none. */
export const units: Record<string, string> = {
  QUERIES_PER_SEC: 'queries/s',
  AVG_LATENCY_MS: 'ms',
  TIME_MS_PER_S: 'ms/s',
  ROWS_PER_SEC: 'rows/s',
  JOIN_FREQUENCY: 'joins/s',
  INDEX_EFFICIENCY: '%',
  HOTSPOT_SCORE: 'of 100',
  ERROR_RATE: '%',
  LOCK_WAIT_MS: 'ms',
}

export const noData = 'no data'

/** A number with three significant digits and its unit; unknown is "no data", which is never 0. */
export function figure(value: number | null | undefined, unit = ''): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return noData
  const abs = Math.abs(value)
  const digits = abs === 0 ? 0 : abs < 0.1 ? 3 : abs < 10 ? 2 : abs < 100 ? 1 : 0
  const text = value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits })
  if (unit.startsWith('/')) return text + unit
  return unit ? `${text} ${unit}` : text
}

/** The change of a value, relative where that makes sense: ×26.7 for at least double, else +40 %. */
export function factor(from: number | null | undefined, to: number | null | undefined): string {
  if (from == null || to == null || from <= 0) return ''
  const ratio = to / from
  if (ratio >= 2) return `×${ratio.toFixed(1)}`
  const percent = Math.round((ratio - 1) * 100)
  return `${percent > 0 ? '+' : ''}${percent} %`
}

/** Both sides of a figure and its relative change. */
export function both(x: { from: number | null; to: number | null }, unit: string): string {
  const relative = factor(x.from, x.to)
  return `${figure(x.from)} → ${figure(x.to, unit)}${relative ? ` (${relative})` : ''}`
}

export function signed(value: number | null | undefined, unit = ''): string {
  const text = figure(value, unit)
  return value != null && value > 0 ? `+${text}` : text
}

/** The name part of a key: `users` for `users:Table`. */
export function nameOf(key: string): string {
  const i = key.lastIndexOf(':')
  return i > 0 ? key.slice(0, i) : key
}

/** The name of an element by its key: `users` for `users:Table`, `users → products` for a relationship between the two. */
export function elementName(key: string): string {
  const [, from, to] = /^(.*)-\[.*\]->(.*)$/.exec(key) ?? []
  return from !== undefined && to !== undefined ? pairName(from, to) : nameOf(key)
}

export function pairName(from: string, to: string): string {
  return from === to ? nameOf(from) : `${nameOf(from)} → ${nameOf(to)}`
}

export function utc(time: string): string {
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

export function age(time: string, now: number): string {
  const s = Math.max(0, Math.round((now - Date.parse(time)) / 1000))
  if (s < 60) return `${s} s ago`
  if (s < 3600) return `${Math.floor(s / 60)} min ago`
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`
  return `${Math.floor(s / 86400)} d ago`
}

/** Who pinned a snapshot, when and why. */
export function pinText(pin: { actor: string; note: string; at: string }): string {
  return `pinned by ${pin.actor || 'nobody named'} on ${utc(pin.at)}${pin.note ? `: ${pin.note}` : ''}`
}
