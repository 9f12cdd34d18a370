/** One filter of a list, by a select; empty is any. */
export function Choice({ label, value, options, onChange }: { label: string; value: string | undefined; options: readonly string[]; onChange: (v: string) => void }) {
  return (
    <select aria-label={label} value={value ?? ''} onChange={(e) => onChange(e.target.value)}>
      <option value="">{label}: any</option>
      {options.map((o) => (
        <option key={o}>{o}</option>
      ))}
    </select>
  )
}
