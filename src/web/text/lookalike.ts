import { skeleton } from '../../pod/alias.ts'

/** Names that a hurried reader takes for one another have the same. */
const looks = (alias: string): string => {
  const [name = '', host = ''] = alias.toLowerCase().split('@')
  return `${skeleton(name)}@${skeleton(host)}`
}

/** Somebody known, for whom this other alias could be taken. */
export function lookalikeOf(alias: string, known: readonly string[]): string | undefined {
  const mine = looks(alias)
  return known.find(other => other !== alias && looks(other) === mine)
}
