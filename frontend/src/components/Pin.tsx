import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { api, must, ProblemError, type Row } from '../api/client'
import { pinText } from '../lib/format'
import { Popover } from './Popover'

/** Says that a snapshot is pinned, by whom and why; nothing where it is not. */
export function PinMark({ of }: { of: Pick<Row, 'pin'> }) {
  if (!of.pin) return null
  return (
    <span className="good" title={pinText(of.pin)} data-testid="pinned">
      {' '}
      ⚑ pinned
    </span>
  )
}

/** Pins a snapshot, so that retention leaves it alone, or gives it back. */
export function PinButton({ of }: { of: Pick<Row, 'pin' | 'snapshot_id'> }) {
  const queries = useQueryClient()
  const place = useRef<HTMLSpanElement>(null)
  const changed = useRef(false)
  const path = { params: { path: { snapshot_id: of.snapshot_id } } }
  const change = useMutation({
    mutationFn: (note: string | null) =>
      note === null ? must(api.DELETE('/api/performance/snapshots/{snapshot_id}/pin', path)) : must(api.PUT('/api/performance/snapshots/{snapshot_id}/pin', { ...path, body: { note } })),
    onSuccess: () => {
      changed.current = true
      void queries.invalidateQueries({ queryKey: ['snapshots'] })
      void queries.invalidateQueries({ queryKey: ['snapshot'] })
    },
  })
  const pinned = Boolean(of.pin)
  // The button that was pressed is gone now; the one in its place takes the focus, unless somebody went elsewhere meanwhile.
  useEffect(() => {
    if (changed.current && document.activeElement === document.body) place.current?.querySelector<HTMLElement>('button, summary')?.focus()
    changed.current = false
  }, [pinned])
  return (
    <span ref={place} data-testid="pin">
      {of.pin ? (
        <button onClick={() => change.mutate(null)} disabled={change.isPending} title={pinText(of.pin)}>
          ⚑ Unpin
        </button>
      ) : (
        <Popover label="⚐ Pin" name="Pin" focus>
          {(close) => <PinForm pending={change.isPending} onPin={(note) => change.mutate(note)} close={close} />}
        </Popover>
      )}
      {change.isError && (
        <span className="bad" role="alert">
          {change.error.message} {change.error instanceof ProblemError && <i>{change.error.hint}</i>}
        </span>
      )}
    </span>
  )
}

function PinForm({ pending, onPin, close }: { pending: boolean; onPin: (note: string) => void; close: () => void }) {
  const [note, setNote] = useState('')
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        onPin(note.trim())
      }}
    >
      <label>
        Why is it kept?
        <input value={note} onChange={(e) => setNote(e.target.value)} maxLength={2000} placeholder="the last good state before the release" autoComplete="off" />
      </label>
      <p className="dim">Retention leaves a pinned snapshot alone. Others read the note beside the pin; it may stay empty.</p>
      <div className="actions">
        <button className="primary" disabled={pending}>
          {pending ? 'Pinning …' : 'Pin it'}
        </button>
        <button type="button" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  )
}
