import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { api, type ImportReport, must, ProblemError } from '../api/client'

/** Brings exported snapshots in, by a button or by dropping a file anywhere on the page. */
export function Import() {
  const queries = useQueryClient()
  const input = useRef<HTMLInputElement>(null)
  const [over, setOver] = useState(false)
  const send = useMutation({
    mutationFn: (file: File) =>
      must(
        api.POST('/api/performance/snapshots/import', {
          body: file as never,
          bodySerializer: (body) => body as unknown as File,
          headers: { 'Content-Type': 'application/octet-stream' },
        }),
      ),
    onSettled: () => queries.invalidateQueries({ queryKey: ['snapshots'] }),
  })
  const { mutate } = send

  useEffect(() => {
    const hasFile = (e: DragEvent) => e.dataTransfer?.types.includes('Files') ?? false
    const dragged = (e: DragEvent) => {
      if (!hasFile(e)) return
      e.preventDefault()
      setOver(e.type === 'dragover')
    }
    const dropped = (e: DragEvent) => {
      if (!hasFile(e)) return
      e.preventDefault()
      setOver(false)
      const file = e.dataTransfer?.files[0]
      if (file) mutate(file)
    }
    addEventListener('dragover', dragged)
    addEventListener('dragleave', dragged)
    addEventListener('drop', dropped)
    return () => {
      removeEventListener('dragover', dragged)
      removeEventListener('dragleave', dragged)
      removeEventListener('drop', dropped)
    }
  }, [mutate])

  return (
    <>
      <button type="button" onClick={() => input.current?.click()} disabled={send.isPending}>
        {send.isPending ? 'Importing …' : 'Import'}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        data-testid="import"
        onChange={(e) => {
          const file = e.target.files?.[0]
          if (file) mutate(file)
          e.target.value = '' // the same file may be chosen again
        }}
      />
      {over && <div className="drop">Drop an export here: JSON, CSV or an archive, compressed or not</div>}
      {(send.data || send.error) && (
        <div className={`toast${send.error || (send.data && trouble(send.data)) ? ' failure' : ''}`} role="status" data-testid="imported">
          {send.error && (
            <>
              {send.variables?.name}: {send.error.message} {send.error instanceof ProblemError && <i>{send.error.hint}</i>}
            </>
          )}
          {send.data && <Report r={send.data} />}
          <button className="close" aria-label="Close" onClick={() => send.reset()}>
            ×
          </button>
        </div>
      )}
    </>
  )
}

const trouble = (r: ImportReport) => r.failed > 0 || Boolean(r.error)

function Report({ r }: { r: ImportReport }) {
  return (
    <>
      {r.imported} imported, {r.already_there} there already, {r.failed} failed, of {r.total}.
      <ul className="plain">
        {r.snapshots.slice(0, 10).map((s, i) => (
          <li key={`${i} ${s.snapshot_id}`}>
            {s.status === 'failed' ? (
              <>
                {s.snapshot_id || 'a snapshot'}: {s.error} <i>{s.hint}</i>
              </>
            ) : (
              <Link to="/snapshots/$id" params={{ id: s.snapshot_id }} search={{}}>
                {s.snapshot_id}
              </Link>
            )}
          </li>
        ))}
      </ul>
      {r.error && (
        <p>
          {r.error} <i>{r.hint}</i>
        </p>
      )}
    </>
  )
}
