import type { Check } from '../client/client.ts'
import { packageVersion } from '../config/package-root.ts'
import type { Pod } from '../pod/pod.ts'

/** What the doctor says of a pod's friends: which versions run there, and whether they are all silent, which is rather our fault than theirs. */
export const friendChecks = (pod: Pick<Pod, 'peers'>): (() => Promise<Check[]>)[] => [
  async () => {
    const allowed = (pod.peers?.view().peers ?? []).filter(({ standing }) => standing === 'allowed')
    if (allowed.length === 0) return []
    const friends = allowed.flatMap(({ friend }) => friend ?? [])
    const here = friends.filter(({ presence }) => presence === 'here')
    const versions = Map.groupBy(here, ({ version }) => version)
    const said = [...versions]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([version, all]) => `${version} (${all.length})`)
    const ok = friends.length === 0 || here.length > 0
    const among = said.length > 0 ? `, versions ${said.join(', ')}; here ${packageVersion}` : ''
    return [
      {
        ...{ name: 'friends', ok },
        detail: `${here.length} of ${allowed.length} here${among}`,
        hint: ok
          ? null
          : 'None of them was heard for a while: see whether this pod reaches anybody, and `muttr pod peers`.'
      }
    ]
  }
]
