import type { Row } from '../api/client'

/** What each mode of a consistent read proves, in one sentence. */
export const modes: Record<string, string> = {
  quiet: 'Nothing was committed to the live database during the read.',
  tick: 'The collector wrote no tick during the read.',
  double: 'Two readings were equal, and between them no transaction was under way.',
  gate: 'The collector was held off during the read.',
  fuzzy: 'Nothing proves that this state existed as a whole: parts may be of different moments.',
}

export function proves(mode: string): string {
  return modes[mode] ?? 'This snapshot does not say how it was read.'
}

/** The hashes of a snapshot with what each is over. */
export function hashes(r: Row): { name: string; over: string; hash: string }[] {
  return [
    { name: 'root', over: 'all elements', hash: r.root_hash },
    { name: 'state', over: 'all elements but the times of their values', hash: r.state_hash },
    { name: 'header', over: 'what stands on the snapshot itself', hash: r.header_hash },
    { name: 'manifest', over: 'the index of all elements', hash: r.manifest_hash },
    { name: 'chain', over: 'root, header and the chain before it', hash: r.chain_hash },
  ].filter((h) => h.hash !== '')
}
