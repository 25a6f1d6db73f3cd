import { readAlias, skeleton } from '../../pod/alias.ts'

/** What two aliases of any two pods share that a hurried reader takes for one another; labels of hostnames keep their dots. */
const lookOf = (alias: string): string => {
  const { name, hostname } = readAlias(alias)
  return `${skeleton(name)}@${hostname.split('.').map(skeleton).join('.')}`
}

/** Finds the alias among those one knows that another could be mistaken for. */
export function createLooks(known: readonly string[]): (alias: string) => string | null {
  const byLook = new Map(known.map(alias => [lookOf(alias), alias]))
  const all = new Set(known)
  return alias => (all.has(alias) ? null : (byLook.get(lookOf(alias)) ?? null))
}
