import { describe, expect, it } from 'vitest'
import type { CaseRow, CaseSnapshot } from '../api/client'
import { amount, caseSearch, casesSearch, caseWindow, comparisons, isLow, lasted, looked, memberships, peakText, span, triggersSearch } from './cases'

describe('addresses', () => {
  it('hold only filters that mean something', () => {
    expect(casesSearch({ state: 'open', source: 7, severity: 'high', x: 1 })).toEqual({ state: 'open', source: '7', severity: 'high' })
    expect(casesSearch({ state: 'shut', source: '', severity: 'worst' })).toEqual({})
    expect(triggersSearch({ since: '2026-01-01', until: '', test: 'yes' })).toEqual({ since: '2026-01-01', test: 'yes' })
    expect(triggersSearch({ test: true })).toEqual({})
    expect(caseSearch({ at: '2026-01-31T09:00:00Z' })).toEqual({ at: '2026-01-31T09:00:00Z' })
    expect(caseSearch({ at: 'soon' })).toEqual({})
  })
})

describe('figures of a case', () => {
  it('have the unit of their metric, where it is known', () => {
    expect(peakText({ peak_value: 1200, unit: 'ms' })).toBe('1,200 ms')
    expect(peakText({ peak_value: 42, unit: '/s' })).toBe('42.0/s')
    expect(peakText({ peak_value: 42, unit: '' })).toBe('42')
    expect([amount(17, ''), amount(1.5, ''), amount(17, 'ms'), amount(null, '')]).toEqual(['17', '1.50', '17.0 ms', 'no data'])
    expect(peakText({ peak_value: null, unit: 'ms' })).toBe('')
  })
  it('name what the rule looks at', () => {
    expect(looked({ metric: 'INDEX_EFFICIENCY', key: 'users:Table-[INDEX_EFFICIENCY]->products:Table' })).toBe('INDEX_EFFICIENCY of users → products')
    expect(looked({ metric: 'error_rate', key: '' })).toBe('error_rate')
    expect(looked({ metric: '', key: '' })).toBe('the value')
  })
  it('know a low from a high', () => {
    expect(isLow({ peak_value: 3, threshold: 10 })).toBe(true)
    expect(isLow({ peak_value: 30, threshold: 10 })).toBe(false)
    expect(isLow({ peak_value: 3, threshold: null })).toBe(false)
  })
  it('count its time from the onset on', () => {
    const opened_at = '2026-01-31T09:01:00Z'
    const now = Date.parse('2026-01-31T09:05:00Z')
    expect(lasted({ onset_at: '2026-01-31T09:00:30Z', opened_at, ended_at: '2026-01-31T09:02:00Z' }, now)).toBe(90_000)
    expect(lasted({ onset_at: null, opened_at, ended_at: null }, now)).toBe(240_000)
    expect(lasted({ onset_at: null, opened_at, ended_at: null }, 0)).toBe(0)
  })
  it('tell spans in their two largest units', () => {
    expect([0, 42_000, 60_000, 725_000, 7_200_000, 11_220_000, 90_000_000].map(span)).toEqual(['0 s', '42 s', '1 min', '12 min 5 s', '2 h', '3 h 7 min', '1 d 1 h'])
  })
})

describe('snapshots', () => {
  it('ask for the cases around them', () => {
    expect(caseWindow(['2026-01-31T09:20:00Z', '2026-01-31T11:05:00Z'])).toEqual({ since: '2026-01-30T09:00:00.000Z', until: '2026-01-31T13:00:00.000Z' })
    expect(caseWindow([])).toEqual({})
  })
  it('find their case', () => {
    const c = { case_id: 'c', snapshots: [{ snapshot_id: 'a' }, { snapshot_id: 'b' }] } as CaseRow
    expect(memberships([c]).get('b')).toBe(c)
    expect(memberships([c]).get('x')).toBeUndefined()
  })
})

describe('comparisons', () => {
  const at = (minute: number) => `2026-01-31T09:${String(minute).padStart(2, '0')}:00Z`
  const snap = (snapshot_id: string, role: CaseSnapshot['role'], minute: number, exists = true): CaseSnapshot => ({ snapshot_id, role, timestamp: at(minute), exists })
  const snapshots = [snap('b1', 'before', 0), snap('b2', 'before', 4), snap('t', 'trigger', 5), snap('f1', 'follow_up', 6), snap('f2', 'follow_up', 10), snap('a', 'after', 20)]
  const pairs = (c: Parameters<typeof comparisons>[0]) => comparisons(c).map((o) => `${o.baseline}...${o.target}`)

  it('go from the last before to the trigger, from there to the worst and to the end', () => {
    expect(pairs({ snapshots, peak_at: at(9) })).toEqual(['b2...t', 't...f2', 't...a'])
  })
  it('leave out what is deleted, missing or the same', () => {
    expect(pairs({ snapshots: snapshots.map((s) => (s.snapshot_id === 'b2' ? { ...s, exists: false } : s)), peak_at: at(5) })).toEqual(['b1...t', 't...a'])
    expect(pairs({ snapshots: [snap('t', 'trigger', 5, false), snap('a', 'after', 20)], peak_at: null })).toEqual([])
  })
})
