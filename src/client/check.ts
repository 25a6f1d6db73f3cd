/** Something that was looked at. */
export interface Check {
  name: string
  ok: boolean
  /** What was seen, and what to do when it is not well. */
  detail: string
  hint: string | null
}
