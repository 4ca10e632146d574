// SPDX-License-Identifier: Apache-2.0

import Containers

/// A fixed number of lists, on at most one of which each cell is.
///
/// A cell enters a list at its end and stays where it is for as long as the list does not change, so
/// that one cell is used up before the next.
struct CellLists: ~Copyable {
  // Not private, because the compiler (Swift 6.3.1) fails on private types in fields that other files of
  // the module destroy.

  /// The place of a cell on its list.
  struct Links: BitwiseCopyable {
    var next = CellLists.none
    var previous = CellLists.none
  }

  /// The ends and the length of a list.
  struct List: BitwiseCopyable {
    var head = CellLists.none
    var tail = CellLists.none
    var count: Int32 = 0
  }

  /// The word for no cell.
  static let none = UInt32.max
  private static let noList = UInt8.max

  private var links: FlatStorage<Links>
  private var places: FlatStorage<UInt8>
  private var lists: FlatStorage<List>

  /// Creates empty lists.
  ///
  /// - Precondition: there are fewer than 255 lists.
  init(listCount: Int, cellCount: Int) {
    precondition(listCount < Int(Self.noList), "\(listCount) lists of cells")
    links = FlatStorage(repeating: Links(), count: cellCount)
    places = FlatStorage(repeating: Self.noList, count: cellCount)
    lists = FlatStorage(repeating: List(), count: listCount)
  }

  /// The first cell of a list.
  func first(of list: Int) -> Int? { cell(lists[list].head) }

  /// The cell behind a cell on its list.
  func next(after cell: Int) -> Int? { self.cell(links[cell].next) }

  /// The number of cells on a list.
  func count(of list: Int) -> Int { Int(lists[list].count) }

  /// The list that a cell is on.
  func list(of cell: Int) -> Int? {
    places[cell] == Self.noList ? nil : Int(places[cell])
  }

  /// Puts a cell at the end of a list, or on none; where it is there already, nothing changes.
  mutating func move(_ cell: Int, to list: Int?) {
    let place = list.map { UInt8($0) } ?? Self.noList
    guard places[cell] != place else { return }
    if places[cell] != Self.noList { remove(cell, from: Int(places[cell])) }
    places[cell] = place
    guard let list else { return }
    links[cell] = Links(next: Self.none, previous: lists[list].tail)
    if lists[list].tail == Self.none {
      lists[list].head = UInt32(cell)
    } else {
      links[Int(lists[list].tail)].next = UInt32(cell)
    }
    lists[list].tail = UInt32(cell)
    lists[list].count += 1
  }

  private mutating func remove(_ cell: Int, from list: Int) {
    let old = links[cell]
    if old.previous == Self.none {
      lists[list].head = old.next
    } else {
      links[Int(old.previous)].next = old.next
    }
    if old.next == Self.none {
      lists[list].tail = old.previous
    } else {
      links[Int(old.next)].previous = old.previous
    }
    lists[list].count -= 1
  }

  private func cell(_ word: UInt32) -> Int? { word == Self.none ? nil : Int(word) }
}
