/** What `muttr crawl` asks for. `src/nodes/crawl.ts` implements it. */
export interface CrawlOptions {
  home: string
  /** A network file, or the name of a built-in network; that of the home when undefined. */
  network: string | undefined
  /** Where tables, summary and report are written; nothing is when null. */
  out: string | null
  bounds: {
    /** How long one crawl may last. */
    lastsMs: number
    requests: number
    peers: number
    perSecond: number
  }
  /** Tables show peer ids and addresses. */
  withIds: boolean
  /** Who names whom is a table too. */
  withEdges: boolean
  /** Crawl again and again, and keep who was there when. */
  watch: { lastsMs: number; everyMs: number } | undefined
  onProgress(progress: CrawlProgress): void
  /** What is there by then is written. */
  signal: AbortSignal
}

export interface CrawlProgress {
  /** From 1. */
  crawl: number
  /** Of this crawl. */
  seen: number
  answered: number
  left: number
  requests: number
  remainingMs: number
  /** Of a watch: until it ends. */
  watchRemainingMs: number | undefined
}

/** Of the last crawl that was not stopped, with those of all under `watch`. */
export interface CrawlDone {
  network: string
  startedAt: string
  /** Why the last crawl ended: everybody was tried, or time, requests, or Ctrl-C ended it before. */
  ended: 'done' | 'late' | 'bounded' | 'stopped'
  crawls: number
  figures: { name: string; unit: string; value: number }[]
  out: string | null
}
