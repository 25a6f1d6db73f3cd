/** The last `max` values by key, so that what strangers name cannot fill memory. */
export function recent<V>(max: number, make: (key: string) => V): (key: string) => V {
  const kept = new Map<string, V>()
  return key => {
    const known = kept.get(key)
    if (known !== undefined) return known
    const made = make(key)
    if (kept.size >= max) kept.delete(kept.keys().next().value!)
    kept.set(key, made)
    return made
  }
}
