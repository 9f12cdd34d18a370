import { describe, expect, it } from 'vitest'
import type { Row } from '../api/client'
import { hashes, modes, proves } from './evidence'
import { compareParams, compareSearch, exportAddress, isFiltered } from './filters'

describe('filters of a comparison', () => {
  it('reads what means something and leaves out the rest', () => {
    expect(compareSearch({ aspect: 'structure', kind: 'node', type: 'Table', status: 'added', q: 42, min: '25' })).toEqual({
      aspect: 'structure',
      kind: 'node',
      type: 'Table',
      status: 'added',
      q: '42',
      min: 25,
    })
    expect(compareSearch({ aspect: 'x', kind: 1, type: '', status: 'unchanged', q: '', min: -1 })).toEqual({})
    expect(compareSearch({ min: 'much' })).toEqual({})
  })
  it('turns percent into parts', () => {
    expect(compareParams({ aspect: 'metric' })).toMatchObject({ aspect: 'metric', type: undefined, min_change: undefined })
    expect(compareParams({ aspect: 'structure', type: 'Table', min: 25 })).toMatchObject({ aspect: 'structure', type: ['Table'], min_change: 0.25 })
  })
  it('does not take the aspect for a filter', () => {
    expect(isFiltered({ aspect: 'structure' })).toBe(false)
    expect(isFiltered({ q: 'users' })).toBe(true)
  })
})

describe('addresses of downloads', () => {
  it('say only what differs from the usual', () => {
    expect(exportAddress('snap_a', { format: 'json', form: 'plain', compression: '', metadata: true })).toBe('/api/performance/snapshots/snap_a/export?format=json')
    expect(exportAddress('@-1h', { format: 'cypher', form: 'shell', compression: 'zstd', metadata: false })).toBe(
      '/api/performance/snapshots/%40-1h/export?format=cypher&form=shell&compression=zstd&metadata=false',
    )
    expect(exportAddress('a', { format: 'csv', form: 'shell', compression: '', metadata: true })).not.toContain('form=')
  })
})

describe('evidence', () => {
  it('explains every mode, and says so where there is none', () => {
    expect(Object.keys(modes).sort()).toEqual(['double', 'fuzzy', 'gate', 'quiet', 'tick'])
    expect(proves('fuzzy')).toContain('Nothing proves')
    expect(proves('')).toContain('does not say')
  })
  it('lists the hashes that are there', () => {
    const row = { root_hash: 'r', state_hash: 's', header_hash: '', manifest_hash: '', chain_hash: 'c' } as Row
    expect(hashes(row).map((h) => h.name)).toEqual(['root', 'state', 'chain'])
  })
})
