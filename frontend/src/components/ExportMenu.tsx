import { useState } from 'react'
import { type ExportChoice, exportAddress } from '../lib/filters'
import { Popover } from './Popover'

/** Chooses the form of a download; E opens it. */
export function ExportMenu({ id }: { id: string }) {
  const [choice, setChoice] = useState<ExportChoice>({ format: 'json', form: 'plain', compression: '', metadata: true })
  const set = (change: Partial<ExportChoice>) => setChoice((old) => ({ ...old, ...change }))
  return (
    <Popover label="Export" name="Export" letter="e">
      <label>
        Format{' '}
        <select value={choice.format} onChange={(e) => set({ format: e.target.value as ExportChoice['format'] })}>
          <option value="json">JSON, which Graphsnap imports</option>
          <option value="cypher">Cypher, for an empty Neo4j</option>
          <option value="csv">CSV, for neo4j-admin and Graphsnap</option>
        </select>
      </label>
      {choice.format === 'cypher' && (
        <label>
          Statements{' '}
          <select value={choice.form} onChange={(e) => set({ form: e.target.value as ExportChoice['form'] })}>
            <option value="plain">alone</option>
            <option value="shell">for cypher-shell</option>
          </select>
        </label>
      )}
      <label>
        Compression{' '}
        <select value={choice.compression} onChange={(e) => set({ compression: e.target.value as ExportChoice['compression'] })}>
          <option value="">none</option>
          <option value="gzip">gzip</option>
          <option value="zstd">zstd</option>
        </select>
      </label>
      <label>
        <input type="checkbox" checked={choice.metadata} onChange={(e) => set({ metadata: e.target.checked })} /> with metadata
      </label>
      <a className="button primary" href={exportAddress(id, choice)} download data-testid="download">
        Download
      </a>
      <p className="dim">
        Pseudonyms need a key, which belongs in no address: <code>graphsnap export --pseudonymise KEYFILE</code>
      </p>
    </Popover>
  )
}
