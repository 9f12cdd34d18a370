import type { CaseRow, CaseSnapshot } from '../api/client'
import { elementName, figure } from './format'

/** The filters of the list of cases; all of them stand in the address. */
export type CasesSearch = { state?: 'open' | 'ended'; source?: string; severity?: 'low' | 'medium' | 'high' | 'critical' }

const one = <T extends string>(v: unknown, ...of: T[]): T | undefined => of.find((x) => x === v)
const word = (v: unknown) => (typeof v === 'string' || typeof v === 'number' ? String(v) : undefined)

/** Keeps what says something, so that the address holds nothing else. */
export const filled = <T extends object>(s: T): T => Object.fromEntries(Object.entries(s).filter(([, v]) => v !== undefined && v !== '')) as T

export function casesSearch(s: Record<string, unknown>): CasesSearch {
  return filled({ state: one(s['state'], 'open', 'ended'), source: word(s['source']), severity: one(s['severity'], 'low', 'medium', 'high', 'critical') })
}

/** The filters of the rules, and the span of a test; without `test` nothing is tested. */
export type TriggersSearch = { source?: string; since?: string; until?: string; test?: 'yes' }

export function triggersSearch(s: Record<string, unknown>): TriggersSearch {
  return filled({ source: word(s['source']), since: word(s['since']), until: word(s['until']), test: one(s['test'], 'yes') })
}

/** The moment of a case that is looked at. */
export type CaseSearch = { at?: string }

export function caseSearch(s: Record<string, unknown>): CaseSearch {
  const at = word(s['at'])
  return filled({ at: at !== undefined && Number.isFinite(Date.parse(at)) ? at : undefined })
}

/** A figure of a rule; what is counted has no decimals. */
export function amount(value: number | null, unit: string): string {
  return value !== null && unit === '' && Number.isInteger(value) ? value.toLocaleString('en-US') : figure(value, unit)
}

/** A span of time in its two largest units: 42 s, 12 min 5 s, 3 h 7 min. */
export function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  const part = (n: number, unit: string) => (n > 0 ? ` ${n} ${unit}` : '')
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min${part(s % 60, 's')}`
  if (s < 86400) return `${Math.floor(s / 3600)} h${part(Math.floor((s % 3600) / 60), 'min')}`
  return `${Math.floor(s / 86400)} d${part(Math.floor((s % 86400) / 3600), 'h')}`
}

/** How long a case has lasted, from its onset on; where that is unknown, from its trigger on. */
export function lasted(c: Pick<CaseRow, 'onset_at' | 'opened_at' | 'ended_at'>, now: number): number {
  return Math.max(0, (c.ended_at ? Date.parse(c.ended_at) : now) - Date.parse(c.onset_at ?? c.opened_at))
}

/** The peak as the list shows it; a peak below the threshold of its rule is a low. */
export function peakText(c: Pick<CaseRow, 'peak_value' | 'unit'>): string {
  return c.peak_value === null ? '' : amount(c.peak_value, c.unit)
}

export const isLow = (c: Pick<CaseRow, 'peak_value' | 'threshold'>) => c.peak_value !== null && c.threshold !== null && c.peak_value < c.threshold

const hour = 3_600_000

/** When cases may have opened that snapshots of these times belong to: frames are from shortly before, follow-ups from long after. Whole hours, so that a new snapshot seldom asks anew. */
export function caseWindow(times: string[]): { since?: string; until?: string } {
  if (times.length === 0) return {}
  const all = times.map((t) => Date.parse(t))
  const iso = (ms: number) => new Date(ms).toISOString()
  return { since: iso(Math.floor(Math.min(...all) / hour) * hour - 24 * hour), until: iso(Math.ceil(Math.max(...all) / hour) * hour + hour) }
}

/** The case of each snapshot that has one. */
export function memberships(cases: CaseRow[]): Map<string, CaseRow> {
  return new Map(cases.flatMap((c) => c.snapshots.map((s) => [s.snapshot_id, c] as const)))
}

/** What the rule of a case looks at: INDEX_EFFICIENCY of users → products. */
export function looked(c: Pick<CaseRow, 'metric' | 'key'>): string {
  return `${c.metric || 'the value'}${c.key ? ` of ${elementName(c.key)}` : ''}`
}

export const roles: Record<CaseSnapshot['role'], { name: string; text: string }> = {
  before: { name: 'Before', text: 'frames of the flight recorder from before the trigger' },
  trigger: { name: 'Trigger', text: 'taken as the rule fired' },
  follow_up: { name: 'Follow-ups', text: 'taken while it lasted' },
  after: { name: 'After', text: 'taken after recovery' },
}

export type Offered = { name: string; baseline: string; target: string }

/** The comparisons that tell most about a case. Deleted snapshots cannot be compared, and the worst is the one nearest to the peak. */
export function comparisons(c: Pick<CaseRow, 'snapshots' | 'peak_at'>): Offered[] {
  const of = (role: CaseSnapshot['role']) => c.snapshots.filter((s) => s.exists && s.role === role)
  const before = of('before').at(-1)
  const trigger = of('trigger')[0]
  const after = of('after').at(-1)
  const peak = c.peak_at ? Date.parse(c.peak_at) : null
  const distance = (s: CaseSnapshot) => Math.abs(Date.parse(s.timestamp) - (peak ?? 0))
  const worst = peak === null ? undefined : [...of('trigger'), ...of('follow_up')].sort((a, b) => distance(a) - distance(b))[0]
  const offer = (name: string, a?: CaseSnapshot, b?: CaseSnapshot): Offered[] => (a && b && a.snapshot_id !== b.snapshot_id ? [{ name, baseline: a.snapshot_id, target: b.snapshot_id }] : [])
  return [...offer('Last before → trigger', before, trigger), ...offer('Trigger → worst', trigger, worst), ...offer('Trigger → after', trigger, after)]
}
