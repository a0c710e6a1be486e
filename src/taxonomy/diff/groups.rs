//! Groups of nodes that are declared equivalent, overlapping or disjoint.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Change, Group, Renames};

/// Members of a group whose pairs are looked at: a larger one that is written otherwise is told, though it may say the same.
const MOST_MEMBERS: usize = 2000;

type Groups = BTreeSet<BTreeSet<String>>;

/// The groups under the ids that their members have now.
pub fn renamed(groups: &Groups, renames: &Renames<'_>) -> Groups {
    let now = |id: &String| renames.now(id).to_owned();
    let groups = groups.iter().map(|group| group.iter().map(now).collect());
    groups.collect()
}

/// The groups lost, then those gained; none where the two say the same of every pair, as `[[a, b, c]]` and
/// `[[a, b], [b, c], [a, c]]` do.
pub fn changed(group: Group, before: &Groups, after: &Groups, changes: &mut Vec<Change>) {
    let lost: Vec<&BTreeSet<String>> = before.difference(after).collect();
    let gained: Vec<&BTreeSet<String>> = after.difference(before).collect();
    if is_said(&lost, after) && is_said(&gained, before) {
        return;
    }
    let lost = lost.into_iter().map(|members| Change::GroupLost {
        group,
        members: members.clone(),
    });
    let gained = gained.into_iter().map(|members| Change::GroupGained {
        group,
        members: members.clone(),
    });
    changes.extend(lost.chain(gained));
}

/// Whether `by` has every pair of every group.
fn is_said(groups: &[&BTreeSet<String>], by: &Groups) -> bool {
    if groups.is_empty() {
        return true;
    }
    let mut groups_of: HashMap<&str, HashSet<usize>> = HashMap::new();
    for (number, group) in by.iter().enumerate() {
        for member in group {
            groups_of.entry(member).or_default().insert(number);
        }
    }
    let of = |member: &String| groups_of.get(member.as_str());
    let is_pair = |a: &String, b: &String| {
        of(a)
            .zip(of(b))
            .is_some_and(|(of_a, of_b)| !of_a.is_disjoint(of_b))
    };
    groups.iter().all(|group| {
        group.len() <= MOST_MEMBERS
            && group
                .iter()
                .enumerate()
                .all(|(i, a)| group.iter().skip(i + 1).all(|b| is_pair(a, b)))
    })
}
