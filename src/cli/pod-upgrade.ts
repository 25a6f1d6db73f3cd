import type { Failure, Millis } from '../base/ports.ts'
import type { StateSum } from '../store/copy-state.ts'

export interface UpgradeOptions {
  home: string
  /** Back to what it was before the last upgrade. */
  undo?: boolean
  signal: AbortSignal
  onProgress?: (done: { step: 'wait' | 'export' | 'read' | 'write' | 'done'; rows: number }) => void
}

export interface Upgraded extends StateSum {
  from: number
  to: number
  /** The file in which what was there is now. */
  kept: string
}

export interface UpgradeCheck {
  /** Without passwords. */
  store: string
  /** Null where there is no state yet. */
  found: number | null
  /** Of this program. */
  needed: number
  runs: boolean
  /** Of the processes that serve the pod over one PostgreSQL; null for one that does not say. */
  others: (number | null)[]
  steps: string[]
  sizeBytes: number
  neededBytes: number
  freeBytes: number
  estimateMs: Millis
  /** Newest first. */
  exports: { path: string; version: number; madeMs: Millis; sizeBytes: number }[]
  /** Why it would not come about. */
  problem: Failure | null
}
