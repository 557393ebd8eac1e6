/** Something that can be done, as a menu has it. */
export interface MenuAction {
  id: string;
  title: string;
  run: () => unknown;
  /** A line stands between two groups. */
  group?: string;
  key?: string;
  /** It takes something away. */
  isCareful?: boolean;
}
