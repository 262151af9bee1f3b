import type { Report, StudyView } from './trial.ts'

/** What a pruner says of one trial. */
export interface PruneDecision {
  /** Number of the trial. */
  readonly id: number
  readonly action: 'continue' | 'stop' | 'pause'
  /** The reason, in one line. */
  readonly why: string
}

/**
 * Judges unfinished trials by their intermediate values. A pure function of its arguments.
 */
export interface Pruner {
  readonly name: string
  /**
   * @param reports every report of the trials to be judged, grouped by trial in the order of their numbers, each
   *   trial's by ascending step.
   * @param view    the study as it stood before this generation; finished and paused trials carry their own reports.
   * @returns one decision a trial that has reports in `reports`.
   */
  decide(reports: readonly Report[], view: StudyView): readonly PruneDecision[]
}
